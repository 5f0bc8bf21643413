# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Configures and builds build/release; needs $root. To be sourced after packages.sh.
# All output goes to stderr, and only when something goes wrong or takes long.

build_release() {
  : "${root:?the project folder}"
  local cache=()
  command -v ccache >/dev/null && cache=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
  (cd "$root" && cmake --preset release -B build/release "${cache[@]}") >&2
  ninja -C "$root/build/release" -j "$(nproc)" "$@" >&2
}
