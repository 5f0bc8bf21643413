# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What the project's two commands need from Debian, in one place. To be sourced; then
# `require_packages SET...`, all sets that a command needs at once, so that who may not install gets
# one list:
#   require_packages build       compiler, build tools and libraries (tests/run.sh, bench/demo.sh)
#   require_packages tests       allocators that the shim is tested in front of, tools that it makes
#                                way for, and what makes and opens HTML pages (tests/run.sh)
#   require_packages peers       other allocators and the programs they are compared on
#                                (bench/peers)
#   require_packages programs    real programs under the shim (tests/preload/run.sh --all)
#   require_packages lab         the tier lab: QEMU and what fills its machines (tests/lab/run.sh)
#   require_packages fuzz       clang with libFuzzer (tests/fuzz/run.sh, preset fuzz)
#   require_packages packages    what makes Debian packages, and fetches their HTML pages' chart library
#                                (docs/install.md, tests/run.sh)
#   require_packages demo        what fetches and drives the inference engine (bench/demo.sh)
# Installs what is missing with apt-get, as root or by sudo; else lists it and exits with 3. What
# apt-get fails at is a status of 1.

# command:package, for tools: whoever brought the command, it will do.
build_tools=(g++:g++ cmake:cmake ninja:ninja-build pkg-config:pkg-config
  clang-format:clang-format nm:binutils)
fuzz_tools=(clang++:clang)
fuzz_libraries=(libclang-rt-14-dev)
package_tools=(dpkg-shlibdeps:dpkg-dev file:file node:nodejs npm:npm)
demo_tools=(node:nodejs npm:npm git:git tar:tar)
build_libraries=(libhwloc-dev libnuma-dev libpfm4-dev libpmem2-dev libpmem-dev libpmemobj-dev libxxhash-dev
  libtbb-dev coinor-libclp-dev libcli11-dev libisal-dev libncurses-dev libtomlplusplus-dev nlohmann-json3-dev
  libspdlog-dev libfmt-dev zlib1g-dev libzstd-dev
  libgtest-dev libgmock-dev libbenchmark-dev)

program_tools=(curl:curl gcc:gcc make:make gdb:gdb node:nodejs npm:npm nginx:nginx-light openssl:openssl
  redis-server:redis-server redis-cli:redis-tools sqlite3:sqlite3 xz:xz-utils
  valgrind:valgrind heaptrack:heaptrack)
program_libraries=(python3-numpy)
peer_tools=(python3:python3 redis-server:redis-server redis-cli:redis-tools)
peer_libraries=(libjemalloc2 libtcmalloc-minimal4 libmimalloc2.0 libtbbmalloc2 libmemkind0)
# The lab's QEMU is of 10 or newer: 7.2, which Debian 12 itself has, knows no volatile CXL memory,
# and the 6.12 kernel panics on it.
lab_tools=(cpio:cpio busybox:busybox-static ndctl:ndctl daxctl:daxctl depmod:kmod xz:xz-utils
  mkfs.ext4:e2fsprogs strip:binutils flock:util-linux)
lab_qemu=10

test_libraries=(libjemalloc2 libtcmalloc-minimal4 libmimalloc2.0 libtbbmalloc2 valgrind heaptrack
  groff-base)
# npm fetches the chart library of the HTML pages, Chromium opens them.
web_tools=(node:nodejs npm:npm chromium:chromium)

missing_tools() {
  local pair
  for pair in "$@"; do
    command -v "${pair%%:*}" >/dev/null || printf '%s\n' "${pair##*:}"
  done
}

missing_libraries() {
  local package status
  for package in "$@"; do
    status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) || status=absent
    [ "$status" = installed ] || printf '%s\n' "$package"
  done
}

# install_packages PACKAGE...: options of apt-get may stand before the packages.
install_packages() {
  printf 'installing: %s\n' "$*" >&2
  as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq >&2 &&
    as_root env DEBIAN_FRONTEND=noninteractive \
      apt-get install -y -qq --no-install-recommends "$@" >&2 || return 1
}

list_packages() {
  printf 'These Debian packages are missing and need root to be installed:\n  %s\n' "$*" >&2
  printf 'Install them with: apt-get update && apt-get install --no-install-recommends %s\n' "$*" >&2
}

# as_root COMMAND...: as root, by sudo where needed; needs_root says beforehand whether that works.
as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo -n "$@"; fi
}
can_be_root() { [ "$(id -u)" -eq 0 ] || sudo -n true 2>/dev/null; }

backports_suite() { (. /etc/os-release && printf '%s-backports' "${VERSION_CODENAME:-}"); }

# add_backports: the machine's own Debian source once more, for the backports suite; so the mirror
# is one that this machine uses already. Fails where there is none to copy, or no right to.
add_backports() {
  local suite base entry
  suite=$(backports_suite)
  base=${suite%-backports}
  if ! can_be_root; then return 1; fi
  if ! grep -rqE "^(Suites:|deb ).*[ ]$suite( |\$)" /etc/apt/sources.list /etc/apt/sources.list.d \
    --include='*.list' --include='*.sources' 2>/dev/null; then
    entry=$(backports_entry "$base" "$suite")
    : "${entry:=$(backports_line "$base" "$suite" /etc/apt/sources.list)}"
    [ -n "$entry" ] || return 1
    printf '%s\n' "$entry" | as_root tee "/etc/apt/sources.list.d/$suite.sources" >/dev/null
  fi
  as_root apt-get update -qq >&2
}

# backports_entry BASE SUITE: the first entry of BASE among apt's sources, made one of SUITE.
backports_entry() {
  local file
  for file in /etc/apt/sources.list.d/*.sources; do
    [ -e "$file" ] || continue
    awk -v base="$1" -v suite="$2" 'BEGIN { RS = ""; FS = "\n" }
      { own = 0
        for (i = 1; i <= NF; i++) if ($i ~ "^Suites:([^#]* )?" base "( |$)") { own = i }
        if (own) { $own = "Suites: " suite; for (i = 1; i <= NF; i++) print $i; exit } }' "$file"
    printf '\n'
  done | sed -n '/./,$p' | sed '/^$/,$d'
}

# The same from apt's one-line form, where there is no entry of the other.
backports_line() {
  if [ ! -e "$3" ]; then return; fi
  sed -nE "s/^deb( +\[[^]]*\])? +([^ ]+) +$1 +(.*)/Types: deb\nURIs: \2\nSuites: $2\nComponents: \3/p" \
    "$3" | head -n 4
}

# lab_qemu_usable: some qemu-system-x86_64 of the version that the lab needs.
lab_qemu_usable() {
  local version
  version=$(qemu-system-x86_64 --version 2>/dev/null | sed -nE '1s/.*version ([0-9]+)\..*/\1/p')
  [ "${version:-0}" -ge "$lab_qemu" ]
}

list_lab_qemu() {
  printf 'The lab needs QEMU %s or newer. As root, add the suite %s to the sources of apt, then:\n' \
    "$lab_qemu" "$(backports_suite)" >&2
  printf '  apt-get update && apt-get install --no-install-recommends -t %s qemu-system-x86\n' \
    "$(backports_suite)" >&2
}

# missing_of SET: its packages that are missing, one a line.
missing_of() {
  case $1 in
    build) missing_tools "${build_tools[@]}" && missing_libraries "${build_libraries[@]}" ;;
    tests) missing_libraries "${test_libraries[@]}" && missing_tools "${web_tools[@]}" ;;
    peers) missing_tools "${peer_tools[@]}" && missing_libraries "${peer_libraries[@]}" ;;
    programs) missing_tools "${program_tools[@]}" && missing_libraries "${program_libraries[@]}" ;;
    lab) PATH=$PATH:/usr/sbin:/sbin missing_tools "${lab_tools[@]}" ;;
    fuzz) missing_tools "${fuzz_tools[@]}" && missing_libraries "${fuzz_libraries[@]}" ;;
    packages) missing_tools "${package_tools[@]}" ;;
    demo) missing_tools "${demo_tools[@]}" ;;
    *) printf 'require_packages: no set named %s\n' "$1" >&2; return 2 ;;
  esac
}

require_packages() {
  local set found missing=() qemu=there
  for set in "$@"; do
    found=$(missing_of "$set") || exit 2
    # shellcheck disable=SC2206  # one package a line, to be split
    missing+=($found)
    if [ "$set" = lab ] && ! lab_qemu_usable; then qemu=missing; fi
  done
  if [ ${#missing[@]} -eq 0 ] && [ "$qemu" = there ]; then return; fi
  if ! can_be_root; then
    if [ ${#missing[@]} -gt 0 ]; then list_packages "${missing[@]}"; fi
    if [ "$qemu" = missing ]; then list_lab_qemu; fi
    exit 3
  fi
  if [ ${#missing[@]} -gt 0 ]; then install_packages "${missing[@]}" || exit 1; fi
  if [ "$qemu" = there ]; then return; fi
  if ! add_backports; then list_lab_qemu; exit 3; fi
  install_packages -t "$(backports_suite)" qemu-system-x86 || exit 1
}
