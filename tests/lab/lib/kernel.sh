# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# The guest's kernel: Debian's 6.12 cloud kernel, fetched as a package and unpacked into the build
# folder; nothing is installed. To be sourced.

# kernel_folder LAB: prints the folder with boot/ and lib/; fetches it the first time.
kernel_folder() {
  local lab=$1
  if [ ! -e "$lab/kernel/complete" ]; then
    fetch_kernel "$lab" || return
  fi
  printf '%s\n' "$lab/kernel"
}

# The newest 6.12 cloud kernel that a configured suite of Debian's has; backports and the security
# suite both carry it.
kernel_package() {
  apt-cache search --names-only '^linux-image-6\.12\.[0-9]+.*-cloud-amd64$' 2>/dev/null |
    cut -d ' ' -f 1 | sort -V | tail -n 1
}

fetch_kernel() {
  local lab=$1 package stage
  package=$(kernel_package)
  if [ -z "$package" ] && add_backports; then package=$(kernel_package); fi
  if [ -z "$package" ]; then
    printf 'The lab needs a kernel package linux-image-6.12*-cloud-amd64, and apt knows none.\n' >&2
    printf 'As root, add the suite %s to the sources of apt and run apt-get update.\n' "$(backports_suite)" >&2
    return 3
  fi
  stage=$(mktemp -d "$lab/kernel.XXXXXX")
  if ! (cd "$stage" && apt-get download "$package") >"$stage/log" 2>&1; then
    cat "$stage/log" >&2
    printf 'Could not fetch %s: run apt-get update, or look to the network.\n' "$package" >&2
    rm -rf "$stage"
    return 3
  fi
  dpkg-deb -x "$stage"/*.deb "$stage/root"
  touch "$stage/root/complete"
  rm -rf "$lab/kernel"
  mv "$stage/root" "$lab/kernel"
  rm -rf "$stage"
}

kernel_image() { printf '%s\n' "$1"/boot/vmlinuz-*; }
kernel_release() { basename "$1"/lib/modules/*; }
