#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# split_running_test.sh TERRACE READS_MEMORY: recordings over several files of a program that runs
# already. Prints every failed check and ends with their number.
set -u
# shellcheck source=tests/unit/cli/recordings.sh
. "$(dirname "$0")/recordings.sh"

one_fast_tier
# runs MILLISECONDS: the reader, placed and not recorded. Its budget is what a recording keeps to:
# without one each file has seen something.
runs() {
  start 48 "$1" run --budget 0% --tiers tiers.toml
}

# By time, as a program that record starts: several files, nothing else, each readable, and all of
# them under the name that was given. What lay there under that name goes.
runs 90000
expect 0 'an older recording' record -p "$pid" --duration 1s -o a.session
expect 0 'split by time' record -p "$pid" --split-time 1s --duration 4600ms -o a.session
row=$(files 'a.0*.session')
holds "$row" -ge 3 'files of the row'
holds "$(files 'a.*')" -eq "$row" 'nothing else lies there'
expect 0 'all by name' report a.session
holds "$(seconds)" -ge 4 'the whole time'
silent err 'all by name'
prints '48.0 MiB'
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
private a.000001.session

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
recording -p "$pid" --split-size 16K --split-time 1s -o b.session
recorder_says 'b.000003.session: closed'
expect 2 'record a recorded program' record -p "$pid" --split-time 1s -o a.session
says 'is being recorded already'
holds "$(files 'a.0*.session')" -eq 2 'files of the older recording'
kill -INT "$recorder"
ends_well "$recorder" "recording until a signal: $(cat <&7)"
expect 0 'report of what a signal ended' report b.session
silent err 'report of what a signal ended'
holds "$(files 'b.session.part*')" -eq 0 'parts that were left'

# A recorder that is killed: what it put in its place and what the program wrote make one recording.
mkdir lost
recording -p "$pid" --split-time 1s -o lost/c.session
recorder_says 'lost/c.000001.session: closed'
kill -9 "$recorder"
wait "$recorder" 2>/dev/null
enough
ends_well "$job" "the program minded: $(cat said)"
# As a recorder does that is killed while it compresses.
for part in lost/*.part-*; do head -c 900 "$part" >"$part.aBcDeF"; done
expect 0 'what a killed recorder left' report lost
holds "$(seconds)" -ge 1 'the time of what was left'
silent err 'what a killed recorder left'

# The program ends while it is recorded.
runs 4000
expect 0 'record a program that ends' record -p "$pid" --split-time 1s -o ends.session
says 'before it was asked to'
holds "$(files 'ends.0*.session')" -ge 2 'files of a program that ended'
expect 0 'report of a program that ended' report ends.session
silent err 'report of a program that ended'
wait "$job"

# A name that is too long, and a rule that is none.
runs 90000
expect 2 'too long a name' record -p "$pid" --split-time 1s -o "$(printf 'p%.0s' $(seq 240))/$(printf 'p%.0s' $(seq 240))"
says 'too long'
expect 125 'keep without split' record -p "$pid" --split-keep 3 -o d.session
says 'add --split-size or --split-time'
enough
wait "$job"
finish
