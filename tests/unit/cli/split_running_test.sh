#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# split_running_test.sh TERRACE READS_MEMORY: recordings over several files of a program that runs
# already. Prints every failed check and ends with their number.
set -u
terrace=$1
reader=$2
# shellcheck source=tests/unit/cli/own_folders.sh
. "$(dirname "$0")/own_folders.sh"
# shellcheck source=tests/unit/cli/checks.sh
. "$(dirname "$0")/checks.sh"
cd "$work" || exit 1

holds() {
  checks=$((checks + 1))
  [ "$1" "$2" "$3" ] || fail "$4: $1 $2 $3 does not hold"
}
files() {
  find . -maxdepth 1 -name "$1" | wc -l
}
# seconds: for how long a report says that was recorded.
seconds() {
  sed -n 's/.*recorded for \([0-9]*\)\..*/\1/p' out
}
# ends_well JOB COMPLAINT
ends_well() {
  checks=$((checks + 1))
  wait "$1" || fail "$2"
}
# until_exists FILE: a recording writes as it goes.
until_exists() {
  for _ in $(seq 200); do
    [ -e "$1" ] && return
    sleep 0.1
  done
  fail "$1 never came"
}
printf 'only = true\n[[tier]]\nname = "fast"\nkind = "dram"\nbacking = "numa"\nnodes = [0]\n' >tiers.toml
printf 'capacity = "4GB"\nbandwidth = "10GB/s"\nlatency = "100ns"\n' >>tiers.toml
# start MILLISECONDS: the reader, placed and not recorded; its id in $pid, terrace's in $job. Its
# budget is what a recording keeps to: without one each file has seen something.
start() {
  rm -f pid
  # shellcheck disable=SC2016  # the shell that is started expands it
  "$terrace" run --budget 0% --tiers tiers.toml -- sh -c 'echo $$ >pid; exec "$0" 48 '"$1" "$reader" >said 2>&1 &
  job=$!
  for _ in $(seq 100); do
    pid=$(cat pid 2>/dev/null) && "$terrace" status "$pid" >status 2>&1 && return
    sleep 0.1
  done
  echo "not ready: $1"
  cat said status
  exit 1
}

# By time, as a program that record starts: several files, nothing else, each readable, and all of
# them under the name that was given. What lay there under that name goes.
start 27000
expect 0 'an older recording' record -p "$pid" --duration 1s -o a.session
expect 0 'split by time' record -p "$pid" --split-time 1s --duration 4600ms -o a.session
row=$(files 'a.0*.session')
holds "$row" -ge 3 'files of the row'
holds "$(files 'a.*')" -eq "$row" 'nothing else lies there'
expect 0 'all by name' report a.session
holds "$(seconds)" -ge 4 'the whole time'
silent err 'all by name'
prints '48 MiB'
# In the first second windows find their length, and none of them need have counted.
seen=0
for number in $(seq "$row"); do
  if "$terrace" report "a.00000$number.session" --json >out 2>err; then
    seen=$((seen + 1))
    prints '"size_bytes": 50331648'
    prints "\"pid\": $pid"
  else
    says 'holds 1 object but no observation'
  fi
done
holds "$seen" -ge 2 'files that have seen something'
expect 0 'plan' plan a.session --tiers tiers.toml -o plan.json
checks=$((checks + 1))
[ "$(stat -c %a a.000001.session)" = 600 ] || fail 'a file is readable by others'

# The last few alone, then one file again: nothing is left of the rule.
expect 0 'ring' record -p "$pid" --split-time 1s --split-keep 2 --duration 4600ms -o a.session
holds "$(files 'a.0*.session')" -eq 2 'files kept'
holds "$(files 'a.*')" -eq 2 'nothing else lies there'
expect 0 'ring by name' report a.session
silent err 'ring by name'
expect 0 'one file again' record -p "$pid" --duration 2500ms -o one.session
holds "$(files 'one.*')" -eq 1 'one file'
expect 0 'report of one file' report one.session
silent err 'report of one file'

# A recorded program is not recorded again, and what lay there stays.
"$terrace" record -p "$pid" --split-size 16K --split-time 1s -o b.session >b 2>&1 &
first=$!
until_exists b.000003.session
expect 2 'record a recorded program' record -p "$pid" --split-time 1s -o a.session
says 'is being recorded already'
holds "$(files 'a.0*.session')" -eq 2 'files of the older recording'
kill -INT $first
ends_well $first "recording until a signal: $(cat b)"
expect 0 'report of what a signal ended' report b.session
silent err 'report of what a signal ended'
holds "$(files 'b.session.part*')" -eq 0 'parts that were left'

# A recorder that is killed: what it put in its place and what the program wrote make one recording.
mkdir lost
(cd lost && exec "$terrace" record -p "$pid" --split-time 1s -o c.session >../lost.out 2>&1) &
first=$!
until_exists lost/c.000001.session
kill -9 $first
wait $first 2>/dev/null
ends_well $job "the program minded: $(cat said)"
# As a recorder does that is killed while it compresses.
for part in lost/*.part-*; do head -c 900 "$part" >"$part.aBcDeF"; done
expect 0 'what a killed recorder left' report lost
holds "$(seconds)" -ge 1 'the time of what was left'
silent err 'what a killed recorder left'

# The program ends while it is recorded.
start 4000
expect 0 'record a program that ends' record -p "$pid" --split-time 1s -o ends.session
says 'before it was asked to'
holds "$(files 'ends.0*.session')" -ge 2 'files of a program that ended'
expect 0 'report of a program that ended' report ends.session
silent err 'report of a program that ended'
wait $job

# A name that is too long, and a rule that is none.
start 3000
expect 2 'too long a name' record -p "$pid" --split-time 1s -o "$(printf 'p%.0s' $(seq 240))/$(printf 'p%.0s' $(seq 240))"
says 'too long'
expect 125 'keep without split' record -p "$pid" --split-keep 3 -o d.session
says 'add --split-size or --split-time'
wait $job
finish
