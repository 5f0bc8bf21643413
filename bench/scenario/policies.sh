#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# policies.sh [--json] [TERRACE OPTIONS...]: every policy on every synthetic workload, as step time
# over the offline optimum's, simulated. --json: one document with step times, hits and moves too.
# Further options go to terrace simulate: --fast 25%, --slow-ratio 1/8, --workload FILE.csv.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
terrace=${TERRACE:-$root/build/release/terrace}
if [ ! -x "$terrace" ]; then
  # shellcheck source=../lib/packages.sh
  . "$root/bench/lib/packages.sh"
  # shellcheck source=../lib/build.sh
  . "$root/bench/lib/build.sh"
  require_packages build
  build_release terrace-cli
fi
exec "$terrace" simulate --all-policies "$@"
