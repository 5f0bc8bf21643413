#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# record_running_test.sh TERRACE READS_MEMORY: recordings that begin in a program which runs already.
# Prints every failed check and ends with their number.
set -u
# shellcheck source=tests/unit/cli/recordings.sh
. "$(dirname "$0")/recordings.sh"

# start VERB OPTIONS... -- MILLISECONDS: the reader under terrace; its id in $pid, terrace's in $job.
start() {
  local options=()
  while [ "$1" != -- ]; do options+=("$1"); shift; done
  rm -f pid
  "$terrace" "${options[@]}" -- sh -c 'echo $$ >pid; exec "$0" 64 '"$2" "$reader" >said 2>&1 &
  job=$!
  for _ in $(seq 100); do
    pid=$(cat pid 2>/dev/null) && "$terrace" status "$pid" >status 2>&1 && return
    sleep 0.1
  done
  echo "not ready: $*"
  cat said status
  exit 1
}

# ends_well JOB COMPLAINT
ends_well() {
  checks=$((checks + 1))
  wait "$1" || fail "$2"
}

# Placed and not recorded: what can still be had is used, and the session says what that is.
start run -- 26000
expect 0 'record a running program' record -p "$pid" --duration 4s -o late.session
exists late.session
private late.session
expect 0 'report of a late recording' report late.session --json
prints '"size_bytes": 67108864'
prints "\"pid\": $pid"
expect 0 'what it was recorded by' export late.session
prints 'in a program that runs already'

# Twice is possible, at the same time is not.
"$terrace" record -p "$pid" -o again.session >again 2>&1 &
first=$!
sleep 1
expect 2 'record a recorded program' record -p "$pid" --duration 1s -o other.session
says 'is being recorded already'
kill -INT $first
ends_well $first "recording until a signal: $(cat again)"
exists again.session

# A recorder that is killed: nobody keeps the recording, so it ends, and the file can be read.
"$terrace" record -p "$pid" -o lent.session >lent 2>&1 &
first=$!
sleep 1.5
kill -9 $first
wait $first 2>/dev/null
expect 0 'export while nobody keeps it' export lent.session
says 'not closed in order'
expect 2 'record while the lost recording lasts' record -p "$pid" --duration 1s -o other.session
sleep 11
expect 0 'record after a lost recording' record -p "$pid" --duration 1s -o found.session
expect 0 'export of the lost recording' export lent.session
silent err 'export of the lost recording'
ends_well $job "the program minded: $(cat said)"

# The program ends while it is recorded.
start run -- 2500
expect 0 'record a program that ends' record -p "$pid" -o ends.session
says 'before it was asked to'
exists ends.session
expect 0 'report of a program that ended' report ends.session
wait $job
expect 2 'record a program that has ended' record -p "$pid" -o none.session
says 'no such process'

# Recorded from its start: that is one recording already, and another when it is over.
start record --duration 1s -o first.session -- 9000
expect 2 'record what record started' record -p "$pid" --duration 1s -o other.session
says 'is being recorded already'
sleep 1.5
expect 0 'record after a recording' record -p "$pid" --duration 3s -o second.session
expect 0 'report of the second recording' report second.session --json
prints '"size_bytes": 67108864'
wait $job
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
  start run -- 5000
  chmod 755 "$work"
  setpriv --reuid=65534 --clear-groups "$terrace" record -p "$pid" -o /tmp/none >out 2>err
  code=$?
  checks=$((checks + 1))
  [ $code = 3 ] || fail "another user's program: exit code $code, expected 3"
  says 'belongs to user 0'
  wait $job
else
  echo "skipped: another user's program (not root, or no setpriv)"
fi
checks=$((checks + 1))
[ ! -e none.session ] || fail 'a refused recording left a file'

finish
