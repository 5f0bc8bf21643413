#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The main job from a fresh clone: llama.cpp with a model that does not fit the fast memory, profiled,
# planned and run again over a fast and an emulated slow tier. docs/demo.md says what is measured.
#   bench/demo.sh [--quick] [--json] [--config FILE] [--order SEED]
# Installs what is missing (3: not permitted to, or no emulated tiers), builds build/release, fetches the engine, runs.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=lib/engine.sh
. "$root/bench/lib/engine.sh"
# shellcheck source=lib/emulation.sh
. "$root/bench/lib/emulation.sh"

for argument in "$@"; do
  if [ "$argument" = --help ] || [ "$argument" = -h ]; then
    sed -n '3,6s/^# *//p' "${BASH_SOURCE[0]}"
    exit 0
  fi
done

if ! with_emulation "${BASH_SOURCE[0]}" "$@"; then
  require_packages build demo   # said at once as well
  exit 3
fi
prepare_engine

# An interrupted run must not leave the machine's huge pages raised: terrace gives back what it took
# itself, unless it was killed.
huge_pages=/proc/sys/vm/nr_overcommit_hugepages
huge_pages_before=$(cat "$huge_pages" 2>/dev/null || true)
runner=
restore() {
  if [ -n "$runner" ]; then
    kill "$runner" 2>/dev/null || true
    wait "$runner" 2>/dev/null || true
  fi
  # Only downwards: another program may have given back its own meanwhile.
  if [ -w "$huge_pages" ] && [ "$(cat "$huge_pages")" -gt "$huge_pages_before" ]; then
    echo "$huge_pages_before" >"$huge_pages" || true
  fi
}
trap restore EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# In the background, so that a signal is acted on at once and not after the runner's end.
node "$root/bench/scenario/demo.mjs" "$@" &
runner=$!
status=0
wait "$runner" || status=$?
runner=
exit "$status"
