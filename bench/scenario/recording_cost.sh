#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What recording adds to llama.cpp's CPU time for a token, by the tokens in which the recorder looked
# (recording_cost.mjs). About 45 s a round.
#   bench/scenario/recording_cost.sh [--json] [--rounds N] [--tokens N] [--budget PERCENT] [--no-placed]
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# shellcheck source=../lib/engine.sh
. "$root/bench/lib/engine.sh"
prepare_engine
exec node "$root/bench/scenario/recording_cost.mjs" "$@"
