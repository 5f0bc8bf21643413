#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs the tests that are named, all of them whatever fails, and counts their checks: a script's
# own last line, a GoogleTest program's cases. The last line is `N passed, M failed`.
set -uo pipefail
guest=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
programs=/opt/terrace/tests/lab
log=$(mktemp)
passed=0 failed=0 skipped=0

# count NAME STATUS LOG
count() {
  local name=$1 status=$2 log=$3 good=0 bad=0 left_out=0 last
  last=$(tail -n 1 "$log")
  if [[ $last =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
    good=${BASH_REMATCH[1]} bad=${BASH_REMATCH[2]}
  else
    good=$(grep -c '^\[       OK \]' "$log")
    bad=$(grep -cE '^\[  FAILED  \] .*\([0-9]+ ms\)$' "$log")
    left_out=$(grep -cE '^\[  SKIPPED \] .*\([0-9]+ ms\)$' "$log")
  fi
  # A program that crashed, or that checked nothing, has not passed, whatever it counted.
  if [ "$status" -ne 0 ] && [ "$bad" -eq 0 ]; then
    printf 'FAIL %s: ended with status %d\n' "$name" "$status"
    bad=1
  elif [ $((good + bad + left_out)) -eq 0 ]; then
    printf 'FAIL %s: made no checks\n' "$name"
    bad=1
  fi
  passed=$((passed + good)) failed=$((failed + bad)) skipped=$((skipped + left_out))
}

# path NAME: scripts are of this folder, programs of the build.
path() {
  if [ -e "$guest/$1" ]; then printf '%s\n' "$guest/$1"; else printf '%s\n' "$programs/$1"; fi
}

for name in "$@"; do
  printf '== %s\n' "$name"
  program=$(path "$name")
  case $(head -n 1 "$program" 2>/dev/null | tr -d '\0') in
    *bash) start=(bash "$program") ;;
    *sh) start=(sh "$program") ;;
    *) start=("$program") ;;
  esac
  "${start[@]}" 2>&1 | tee "$log"
  count "$name" "${PIPESTATUS[0]}" "$log"
done
rm -f "$log"
if [ "$skipped" -ne 0 ]; then printf '%d skipped, see above for what they miss\n' "$skipped"; fi
printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
