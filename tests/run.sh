#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# All tests from a fresh clone: installs what is missing, builds build/release, runs ctest, whose
# summary is the last thing printed and whose exit status this is. Arguments go to ctest.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=../bench/lib/packages.sh
. "$root/bench/lib/packages.sh"
# shellcheck source=../bench/lib/build.sh
. "$root/bench/lib/build.sh"

require_packages build
require_packages tests
build_release
exec ctest --test-dir "$root/build/release" --output-on-failure --no-tests=error -j "$(nproc)" "$@"
