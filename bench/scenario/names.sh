#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Names against the truth: where llama.cpp's own table of tensors says that each lies, and how often
# its router chose each expert (names.mjs).
#   bench/scenario/names.sh [--quick] [--json] [--budget PERCENT]
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# shellcheck source=../lib/engine.sh
. "$root/bench/lib/engine.sh"
prepare_engine
exec node "$root/bench/scenario/names.mjs" "$@"
