#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Access sources on a kernel that has all of them which need no PMU (Linux 6.12): each is asked for
# by name and must be what recorded, and DAMON is left to whoever has it.
set -euo pipefail
. /lab/guest/check.sh
tmp=$(mktemp -d)
damon=/sys/kernel/mm/damon/admin/kdamonds

# record SOURCE SHAPE, without a budget: each look costs an emulated processor far more than a share.
record() {
  terrace record --quiet --force --strict --source "$1" --budget 0% -o "$tmp/$1" -- \
    /opt/terrace/known_heat --size-mib 64 --range-mib 8 --shape "$2" --seconds 8 >"$tmp/truth"
}
# saw SOURCE: the session's source is that one, and it saw something.
saw() {
  terrace export --quiet --format json "$tmp/$1" >"$tmp/json"
  grep -q "\"name\": \"$1\"" "$tmp/json" && grep -q "\"choice\": \"asked for\"" "$tmp/json" &&
    grep -qE '"bytes_per_second": [1-9]' "$tmp/json"
}

for source in present-bits referenced-bits damon; do
  check "$source records" record "$source" uniform
  check "$source saw the memory" saw "$source"
done
check 'writes are recorded' record write-tracking writes
check 'write-tracking saw the memory' saw write-tracking

check_equal 'the monitor is given back' 0 "$(cat $damon/nr_kdamonds)"
echo 1 >$damon/nr_kdamonds
refused() { ! record damon uniform 2>"$tmp/said" && grep -q 'somebody else' "$tmp/said"; }
check "somebody else's monitor is refused" refused
check_equal 'and left as it was' 1 "$(cat $damon/nr_kdamonds)"
check 'doctor sees it' grep -q 'somebody else' <(terrace doctor)
echo 0 >$damon/nr_kdamonds
checks_done
