#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# CPU time for each token: llama.cpp alone, under the shim, placed and recorded (decode_cost.mjs).
#   bench/scenario/decode_cost.sh [--json] [--rounds N] [--tokens N] [--only WAY]... [--budget PERCENT]
# WAY: alone, passing, placed or recorded; costs are stated where both sides were run.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# shellcheck source=../lib/engine.sh
. "$root/bench/lib/engine.sh"
prepare_engine
exec node "$root/bench/scenario/decode_cost.mjs" "$@"
