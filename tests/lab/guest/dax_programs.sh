#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Unchanged programs with part of their memory on this machine's DAX device or folder: what lies
# there, that their results and exit statuses are their own, and that two of them share it.
set -euo pipefail
. /lab/guest/check.sh
work=/tmp/dax_programs
program=/opt/terrace/tests/lab/dax_program
mkdir -p $work
cd $work

# Memory behind an emulated CXL link is slow: few blocks.
place=/dev/dax0.0
capacity=''
if [ ! -e $place ]; then
  place=/mnt/pmem
  capacity='capacity = "64MiB"'
fi
cat >tiers.toml <<TEXT
[[tier]]
name = "dram"
capacity = "2MiB"
[[tier]]
name = "expander"
kind = "cxl"
backing = "dax"
path = "$place"
$capacity
TEXT
# In the order of speed, else nothing flows over; all at once, else nothing is to be seen yet.
with_terrace() {
  terrace run --tiers tiers.toml --policy first-touch --bind off --late-size 0 --mmap-threshold 1M --status "$1" -v -- "${@:2}"
}

# field NAME FILE: of the last tier.
field() { sed "s/.*\"name\":\"expander\"//; s/.*\"$1\":\"\{0,1\}\([^,\"}]*\).*/\1/" "$2"; }

one_program() {
  local status=0
  $program $place 6 >plain.out || status=$?
  check_equal 'exit status without Terrace' 7 $status
  check_equal 'without Terrace' "on $place: 0 bytes" "$(head -n 1 plain.out)"
  status=0
  with_terrace status.json $program $place 6 >placed.out 2>placed.err || status=$?
  check_equal 'exit status' 7 $status
  check_equal 'what lies over' "on $place: 4194304 bytes" "$(head -n 1 placed.out)"
  check_equal 'result' "$(tail -n 1 plain.out)" "$(tail -n 1 placed.out)"
  check_equal 'backing in the status' dax "$(field backing status.json)"
  check_equal 'path in the status' $place "$(field path status.json)"
  check_equal 'peak in the status' 'at least 4194304' "at least $(awk "BEGIN { p = $(field peak_bytes status.json); print p < 4194304 ? p : 4194304 }")"
  check_equal 'blocks used at the end' 0 "$(field used_bytes status.json)"
  cat placed.err
}

# blocks PID: device, inode and offset of each 2 MiB that a process has mapped of the tier.
blocks() {
  awk -v place=$place 'function number(hex,  i, n) {
      n = 0
      for (i = 1; i <= length(hex); i++) n = n * 16 + index("0123456789abcdef", substr(hex, i, 1)) - 1
      return n
    }
    index($0, place) {
      split($1, range, "-")
      for (at = number(range[1]); at < number(range[2]); at += 2097152) {
        print $4, $5, (number($3) + at - number(range[1])) / 2097152
      }
    }' "/proc/$1/maps"
}

# until_ready DESCRIPTOR: takes what a program says there until it waits; a minute at most.
until_ready() {
  local line=''
  while [ "$line" != ready ]; do read -r -t 60 -u "$1" line; done
}

two_programs() {
  local name status pids
  mkfifo a.in b.in a.out b.out
  for name in a b; do
    with_terrace $name.json $program $place 6 wait <$name.in >$name.out 2>$name.err &
    eval "job_$name=$!"
  done
  exec 8>a.in 9>b.in 6<a.out 7<b.out
  until_ready 6
  until_ready 7
  pids=$(pidof dax_program)
  check_equal 'programs side by side' 2 "$(wc -w <<<"$pids")"
  for name in $pids; do blocks "$name"; done >blocks
  check_equal 'blocks that both have mapped' 4 "$(wc -l <blocks)"
  check_equal 'of which differ' 4 "$(sort -u blocks | wc -l)"
  exec 8>&- 9>&-
  result_of a "$(cat <&6)"
  result_of b "$(cat <&7)"
  exec 6<&- 7<&-
}

# result_of NAME SAID: of a job that has said all.
result_of() {
  local status=0
  eval "wait \$job_$1" || status=$?
  check_equal "exit status of $1" 7 $status
  check_equal "result of $1" "$(tail -n 1 plain.out)" "$2"
}

a_program_of_others() {
  local status=0
  seq 1 40000 | awk '{ print ($1 * 7919) % 40009, "line", $1 }' >lines
  sort -n -S 6M --parallel=1 lines >plain.sorted
  with_terrace sort.json sort -n -S 6M --parallel=1 lines >placed.sorted 2>sort.err || status=$?
  check_equal 'exit status of sort' 0 $status
  check 'sort sorts' cmp plain.sorted placed.sorted
  check 'memory of sort lay on the tier' test "$(field peak_bytes sort.json)" -ge 2097152
}

recorded() {
  local status=0
  terrace record --tiers tiers.toml --policy first-touch --bind off --late-size 0 --mmap-threshold 1M --window-hz 50 --budget 0% \
    -o session --status record.json -- $program $place 6 300 >recorded.out 2>recorded.err || status=$?
  check_equal 'exit status while recording' 7 $status
  check_equal 'what lies over while recording' "on $place: 4194304 bytes" "$(head -n 1 recorded.out)"
  check_equal 'result while recording' "$(tail -n 1 plain.out)" "$(tail -n 1 recorded.out)"
  # Present bits of the device's or filesystem's own mappings tell what was touched.
  terrace report session --json >report.json
  check 'recorded heat of the tier' awk '/"bytes_per_second":/ { heat = $2 }
    /"name": "expander"/ { exit !(heat > 0) }' report.json
}

# Its own blocks, measured; behind an emulated CXL link that takes minutes.
measured() {
  [ ! -e /sys/bus/cxl/devices/region0 ] || return 0
  check 'calibrate' terrace calibrate --quick --tiers tiers.toml --calibration calibration.json
  check 'calibrate measures the tier' grep -q '"expander"' calibration.json
}

# What discovery leaves alone is used when the tier file names it, and no more need be said.
on_request() {
  local options=(--policy interleave --bind off --late-size 0)
  terrace topo --json | grep -q '"use": "on-request"' || return 0
  terrace run "${options[@]}" -- $program $place 6 >left_alone.out || true
  check_equal 'on request, not named' "on $place: 0 bytes" "$(head -n 1 left_alone.out)"
  printf '[[tier]]\nname = "pmem"\n' >named.toml
  if [ -n "$capacity" ]; then echo "$capacity" >>named.toml; fi
  terrace run --tiers named.toml "${options[@]}" -- $program $place 6 >named.out || true
  check_equal 'on request, named' "on $place: 2097152 bytes" "$(head -n 1 named.out)"
}

measured
on_request
one_program
two_programs
a_program_of_others
recorded
checks_done
