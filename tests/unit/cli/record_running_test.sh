#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# record_running_test.sh TERRACE READS_MEMORY: recordings that begin in a program which runs already.
# Prints every failed check and ends with their number.
set -u
# shellcheck source=tests/unit/cli/recordings.sh
. "$(dirname "$0")/recordings.sh"

# Placed and not recorded: what can still be had is used, and the session says what that is.
start 64 90000 run
expect 0 'record a running program' record -p "$pid" --duration 4s -o late.session
exists late.session
private late.session
expect 0 'report of a late recording' report late.session --json
prints '"size_bytes": 67108864'
prints "\"pid\": $pid"
expect 0 'what it was recorded by' export late.session
prints 'in a program that runs already'

# Twice is possible, at the same time is not.
recording -p "$pid" -o again.session
expect 2 'record a recorded program' record -p "$pid" --duration 1s -o other.session
says 'is being recorded already'
kill -INT "$recorder"
ends_well "$recorder" "recording until a signal: $(cat <&7)"
exists again.session

# A recorder that is killed: nobody keeps the recording, so it ends, and the file can be read.
recording -p "$pid" -o lent.session
until_readable lent.session
kill -9 "$recorder"
wait "$recorder" 2>/dev/null
expect 0 'export while nobody keeps it' export lent.session
says 'not closed in order'
expect 2 'record while the lost recording lasts' record -p "$pid" --duration 1s -o other.session
until_not_recorded "$pid"
expect 0 'record after a lost recording' record -p "$pid" --duration 1s -o found.session
expect 0 'export of the lost recording' export lent.session
silent err 'export of the lost recording'
enough
ends_well "$job" "the program minded: $(cat said)"

# The program ends while it is recorded.
start 64 2500 run
expect 0 'record a program that ends' record -p "$pid" -o ends.session
says 'before it was asked to'
exists ends.session
expect 0 'report of a program that ended' report ends.session
wait "$job"
expect 2 'record a program that has ended' record -p "$pid" -o none.session
says 'no such process'

# Recorded from its start: that is one recording already, and another when it is over.
start 64 90000 record --duration 1s -o first.session
expect 2 'record what record started' record -p "$pid" --duration 1s -o other.session
says 'is being recorded already'
until_not_recorded "$pid"
expect 0 'record after a recording' record -p "$pid" --duration 3s -o second.session
expect 0 'report of the second recording' report second.session --json
prints '"size_bytes": 67108864'
enough
wait "$job"
exists first.session
expect 0 'report of the first recording' report first.session

# What cannot be recorded, and what is no request.
expect 2 'record a process without Terrace' record -p $$ -o none.session
says 'does not run under Terrace'
expect 2 'record no process' record -p 999999999 -o none.session
expect 125 'record something else' record -p some -o none.session
expect 125 'record a process and a program' record -p $$ -o none.session -- true
says 'give no program'
if [ "$(id -u)" = 0 ] && command -v setpriv >"$work/setpriv"; then
  start 64 90000 run
  chmod 755 "$work"
  setpriv --reuid=65534 --clear-groups "$terrace" record -p "$pid" -o /tmp/none >out 2>err
  code=$?
  checks=$((checks + 1))
  [ $code = 3 ] || fail "another user's program: exit code $code, expected 3"
  says 'belongs to user 0'
  enough
  wait "$job"
else
  echo "skipped: another user's program (not root, or no setpriv)"
fi
checks=$((checks + 1))
[ ! -e none.session ] || fail 'a refused recording left a file'

finish
