#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# libFuzzer on the formats that come from outside, one after the other, with the preset `fuzz`.
#   tests/fuzz/run.sh [--seconds N] [FORMAT]...
# FORMAT is a folder of tests/fuzz/corpus; all without one. New inputs that reach more code are kept
# in build/fuzz/tests/fuzz/FORMAT/found for the next run; an input that breaks something stops that
# format's run and lies beside it as crash-*, timeout-* or oom-*. Ends with 1 when there was one.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# shellcheck source=../../bench/lib/packages.sh
. "$root/bench/lib/packages.sh"
seconds=300
formats=()
while [ $# -gt 0 ]; do
  case $1 in
    --seconds) seconds=${2:?--seconds takes a number}; shift ;;
    -*) printf 'usage: %s [--seconds N] [FORMAT]...\n' "$0" >&2; exit 2 ;;
    *) formats+=("$1") ;;
  esac
  shift
done
if [ "${#formats[@]}" -eq 0 ]; then
  for folder in "$root"/tests/fuzz/corpus/*/; do formats+=("$(basename "$folder")"); done
fi
for format in "${formats[@]}"; do
  [ -d "$root/tests/fuzz/corpus/$format" ] && continue
  printf '%s: no format named %s; there are: %s\n' "$0" "$format" "$(ls "$root/tests/fuzz/corpus" | tr '\n' ' ')" >&2
  exit 2
done
require_packages build fuzz
(cd "$root" && cmake --preset fuzz >&2 && cmake --build --preset fuzz >&2)
status=0
for format in "${formats[@]}"; do
  here=$root/build/fuzz/tests/fuzz/$format
  printf '%s: %s s\n' "$format" "$seconds" >&2
  "$root/build/fuzz/tests/libfuzzer_$format" -max_total_time="$seconds" -max_len=16384 -timeout=10 \
    -rss_limit_mb=2048 -artifact_prefix="$here/" -print_final_stats=1 -verbosity=1 \
    "$here/found" "$root/tests/fuzz/corpus/$format" >"$here/log" 2>&1 || status=1
  grep -E 'stat::number_of_executed_units|stat::new_units_added|ERROR|SUMMARY|Failure|Test unit written' \
    "$here/log" | sed "s/^/$format: /" || true
done
exit "$status"
