#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What each access source of this machine costs a program and how far its heat is from the truth
# (profile_cost.mjs). One JSON line for each source on stdout.
#   bench/scenario/profile_cost.sh [--json] [--rounds N] [--seconds S] [--source NAME]... [--shape NAME]...
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# shellcheck source=../lib/packages.sh
. "$root/bench/lib/packages.sh"
# shellcheck source=../lib/build.sh
. "$root/bench/lib/build.sh"
require_packages build demo
build_release terrace terrace-preload known_heat
exec node "$root/bench/scenario/profile_cost.mjs" "$@"
