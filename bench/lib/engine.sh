# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What every measurement of llama.cpp needs first; needs $root, the project folder. To be sourced.
# shellcheck source=packages.sh
. "$root/bench/lib/packages.sh"
# shellcheck source=build.sh
. "$root/bench/lib/build.sh"

# Packages, this tree, and the engine.
prepare_engine() {
  require_packages build demo
  build_release terrace terrace-preload make_model
  "$root/bench/scenario/build_engine.sh"
}
