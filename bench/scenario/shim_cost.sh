#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shim_cost.sh [--json] [--rounds N] [--build DIR]: what the preload shim adds to a small malloc +
# free pair while it passes through. Interleaves runs on glibc alone and under the shim, and prints
# for each size the medians in ns, the spread of each (half the range between the quartiles), the
# difference and the ratio. --json: one line on stdout.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=$root/build/release
rounds=7
json=0
while [ $# -gt 0 ]; do
  case $1 in
    --json) json=1 ;;
    --rounds) rounds=$2; shift ;;
    --build) build=$2; shift ;;
    *) echo "usage: shim_cost.sh [--json] [--rounds N] [--build DIR]" >&2; exit 2 ;;
  esac
  shift
done
program=$build/bench/malloc_pair_benchmark
shim=$build/libterrace-preload.so
for file in "$program" "$shim"; do
  [ -e "$file" ] || { echo "shim_cost.sh: $file is missing; build it: ninja -C $build malloc_pair_benchmark terrace-preload" >&2; exit 3; }
done

results=$(mktemp)
trap 'rm -f "$results"' EXIT
# Lines: mode, benchmark, ns of CPU time for a pair.
measure() {
  LD_PRELOAD=$2 "$program" --benchmark_min_time=0.05 --benchmark_format=csv 2>/dev/null |
    awk -F, -v mode="$1" '/^"/ { gsub(/"/, "", $1); print mode, $1, $4 }' >>"$results"
}
for ((round = 1; round <= rounds; ++round)); do
  [ -t 2 ] && printf '\rround %d of %d' "$round" "$rounds" >&2
  # Which of the two goes first changes from round to round.
  if ((round % 2)); then measure glibc ''; measure shim "$shim"; else measure shim "$shim"; measure glibc ''; fi
done
[ -t 2 ] && printf '\r\033[K' >&2

sort -k2,2 -k1,1 -k3,3g "$results" | awk -v json="$json" -v rounds="$rounds" '
  function flush_group(   q) {
    if (n == 0) return
    median[key] = v[int((n + 1) / 2)]
    spread[key] = (v[int((3 * n + 3) / 4)] - v[int((n + 3) / 4)]) / 2
    n = 0
  }
  { k = $1 " " $2
    if (k != key) { flush_group(); key = k; if (!($2 in seen)) { seen[$2] = 1; order[++count] = $2 } }
    v[++n] = $3 }
  END {
    flush_group()
    if (!json) printf "%-32s %9s %7s %9s %7s %8s %6s\n", "pair", "glibc ns", "+-", "shim ns", "+-", "added ns", "ratio"
    for (i = 1; i <= count; ++i) {
      b = order[i]; g = median["glibc " b]; s = median["shim " b]
      if (json) printf "%s{\"pair\":\"%s\",\"glibc_ns\":%.2f,\"glibc_spread\":%.2f,\"shim_ns\":%.2f,\"shim_spread\":%.2f,\"added_ns\":%.2f,\"ratio\":%.3f}", (i == 1 ? "{\"rows\":[" : ","), b, g, spread["glibc " b], s, spread["shim " b], s - g, s / g
      else printf "%-32s %9.2f %7.2f %9.2f %7.2f %8.2f %6.3f\n", b, g, spread["glibc " b], s, spread["shim " b], s - g, s / g
    }
    if (json) printf "],\"rounds\":%d}\n", rounds
  }'
