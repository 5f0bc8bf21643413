#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Terrace against the kernel's own tiering and its weighted interleaving, in a machine of the lab:
# pages moved, moved back, and where they end. Prints a table, one JSON line and checks;
# docs/kernel-tiering.md explains them. Takes about five minutes.
#   bench/scenario/kernel_tiering.sh [ROUNDS]        built before by tests/run.sh
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
rounds=${1:-80}
case $rounds in
  '' | *[!0-9]* | 0) echo 'usage: bench/scenario/kernel_tiering.sh [ROUNDS]' >&2; exit 2 ;;
esac
exec "$root/tests/lab/run.sh" dram-cxl -- bash /lab/guest/kernel_tiering.sh "$rounds"
