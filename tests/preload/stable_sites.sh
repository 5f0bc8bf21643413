#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# stable_sites.sh SHIM PROGRAM: five runs of a case, at other addresses each, must report the same
# call-sites; another case must report others.
set -euo pipefail
shim=$1
program=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

sites_of() {
  rm -f "$work/summary"
  TERRACE_TEST_SUMMARY=$work/summary LD_PRELOAD=$shim "$program" "$1"
  sed -n 's/.* sites=\([0-9a-f]*\).*/\1/p' "$work/summary"
}

runs=$(for _ in 1 2 3 4 5; do sites_of malloc_serves_all_sizes; done)
[ "$(wc -l <<<"$runs")" -eq 5 ] || { echo "not five reports: $runs"; exit 1; }
[ "$(sort -u <<<"$runs" | wc -l)" -eq 1 ] || { echo "the runs differ: $runs"; exit 1; }
other=$(sites_of calloc_zeroes_reused_memory)
[ "$other" != "$(head -1 <<<"$runs")" ] || { echo "two cases have the same sites: $other"; exit 1; }
echo "five runs: $(head -1 <<<"$runs"); another case: $other"
