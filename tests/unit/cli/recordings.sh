# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What tests of recordings from outside have in common: the arguments TERRACE READS_MEMORY, a folder
# to work in, and checks on sessions. To be sourced; goes into the folder.
terrace=$1
# shellcheck disable=SC2034  # for the tests
reader=$2
# shellcheck source=tests/unit/cli/own_folders.sh
. "$(dirname "${BASH_SOURCE[0]}")/own_folders.sh"
# shellcheck source=tests/unit/cli/checks.sh
. "$(dirname "${BASH_SOURCE[0]}")/checks.sh"
cd "$work" || exit 1

# tiers.toml: one tier of this machine, so that nothing has to be discovered or measured.
one_fast_tier() {
  cat >tiers.toml <<'TOML'
only = true
[[tier]]
name = "fast"
kind = "dram"
backing = "numa"
nodes = [0]
capacity = "4GB"
bandwidth = "10GB/s"
latency = "100ns"
TOML
}
# holds FIGURE OPERATOR FIGURE NAME
holds() {
  checks=$((checks + 1))
  test "$1" "$2" "$3" || fail "$4: $1 $2 $3 does not hold"
}
schema_is() {
  holds "$(od -An -tu4 -j8 -N4 "$1" | tr -d ' ')" -eq "$2" "schema of $1"
}
private() {
  holds "$(stat -c %a "$1")" -eq 600 "rights on $1"
}
alone() {
  holds "$(echo "$1"*)" = "$1" "what lies beside $1"
}
# ends_well JOB COMPLAINT
ends_well() {
  checks=$((checks + 1))
  wait "$1" || fail "$2"
}
# start MIB MILLISECONDS VERB OPTIONS...: the reader under terrace, from when its memory is filled;
# its id in $pid, terrace's in $job.
start() {
  local size=$1 time=$2
  shift 2
  [ -p ready ] || mkfifo ready
  # For reading and writing: waits for no writer, and lasts when one goes.
  exec 9<>ready
  READS_MEMORY_READY=$work/ready "$terrace" "$@" -- "$reader" "$size" "$time" >said 2>&1 9>&- &
  # shellcheck disable=SC2034  # for the tests
  job=$!
  read -r -t 10 pid <&9 && "$terrace" status "$pid" >status 2>&1 && return
  echo "not ready: $*"
  cat said status
  exit 1
}
# enough: the reader that was started has been looked at for long enough, and ends as it does by itself.
enough() { kill -USR1 "$pid"; }
# recording OPTIONS...: a recorder in the background, from when it records; its id in $recorder, and
# what else it says can be read from descriptor 7.
recording() {
  rm -f "$work/recorder"
  mkfifo "$work/recorder"
  "$terrace" record -v "$@" >"$work/recorder" 2>&1 &
  recorder=$!
  exec 7<"$work/recorder"
  recorder_says 'Ctrl-C ends it'
}
# recorder_says TEXT: waits until it does.
recorder_says() {
  local line
  while read -r -t 20 line <&7; do
    [[ $line != *"$1"* ]] || return
  done
  fail "the recorder never said: $1"
}
# files PATTERN: how many there are.
files() {
  find . -maxdepth 1 -name "$1" | wc -l
}
# seconds: for how long a report says that was recorded.
seconds() {
  sed -n 's/.*recorded for \([0-9]*\)\..*/\1/p' out
}
# until_readable FILE...: a recording that goes on tells nobody that it has seen something.
until_readable() {
  for file; do
    for _ in $(seq 200); do
      "$terrace" report "$file" --json >out 2>err && continue 2
      sleep 0.1
    done
    fail "nothing to report in $file"
  done
}
# until_not_recorded PID: a recording's end inside a program tells nobody: its status is asked.
until_not_recorded() {
  for _ in $(seq 200); do
    "$terrace" status "$1" >out 2>err && ! grep -q ', recording' out && return
    sleep 0.1
  done
  fail "process $1 is recorded for good"
}
