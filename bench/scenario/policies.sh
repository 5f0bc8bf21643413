#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every policy on every synthetic workload, as step time over the offline optimum's, simulated, over
# several seeds (policies.mjs).
#   bench/scenario/policies.sh [--json] [--seeds N] [--seed FIRST] [TERRACE OPTIONS...]
# --json: one line for each workload. Further options go to terrace simulate: --fast 25%,
# --slow-ratio 1/8, --workload FILE.csv. TERRACE: another terrace than that of build/release.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# shellcheck source=../lib/packages.sh
. "$root/bench/lib/packages.sh"
require_packages demo
if [ -z "${TERRACE:-}" ]; then
  # shellcheck source=../lib/build.sh
  . "$root/bench/lib/build.sh"
  require_packages build
  build_release terrace-cli
fi
exec node "$root/bench/scenario/policies.mjs" "$@"
