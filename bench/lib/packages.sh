# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What the project's two commands need from Debian, in one place. To be sourced; then
#   require_packages build       compiler, build tools and libraries (tests/run.sh, bench/demo.sh)
#   require_packages tests       allocators that the shim is tested in front of (tests/run.sh)
#   require_packages demo        what fetches and drives the inference engine (bench/demo.sh)
# Installs what is missing with apt-get, as root or by sudo; else lists it and exits with 3.

# command:package, for tools: whoever brought the command, it will do.
build_tools=(g++:g++ cmake:cmake ninja:ninja-build pkg-config:pkg-config
  clang-format:clang-format nm:binutils)
demo_tools=(node:nodejs npm:npm git:git tar:tar)
build_libraries=(libhwloc-dev libnuma-dev libpmem2-dev libtbb-dev coinor-libclp-dev libcli11-dev
  libtomlplusplus-dev nlohmann-json3-dev libspdlog-dev libfmt-dev zlib1g-dev libgtest-dev
  libgmock-dev libbenchmark-dev)

test_libraries=(libjemalloc2 libtcmalloc-minimal4 libmimalloc2.0)

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

install_packages() {
  local become=()
  if [ "$(id -u)" -ne 0 ]; then
    if ! sudo -n true 2>/dev/null; then
      printf 'These Debian packages are missing and need root to be installed:\n  %s\n' "$*" >&2
      printf 'Install them with: apt-get install --no-install-recommends %s\n' "$*" >&2
      exit 3
    fi
    become=(sudo -n)
  fi
  printf 'installing: %s\n' "$*" >&2
  "${become[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -qq >&2
  "${become[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "$@" >&2
}

require_packages() {
  local missing
  case $1 in
    build) missing=$(missing_tools "${build_tools[@]}" && missing_libraries "${build_libraries[@]}") ;;
    tests) missing=$(missing_libraries "${test_libraries[@]}") ;;
    demo) missing=$(missing_tools "${demo_tools[@]}") ;;
    *) printf 'require_packages: no set named %s\n' "$1" >&2; exit 2 ;;
  esac
  # shellcheck disable=SC2086  # one package a line, to be split
  if [ -n "$missing" ]; then install_packages $missing; fi
}
