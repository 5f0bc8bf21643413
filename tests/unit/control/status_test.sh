#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# status_test.sh TERRACE PROGRAM SHIM MAKE_FLAT: `terrace status` and `terrace top` ask real programs,
# by terrace run and by plain LD_PRELOAD, in every state in which a process can be. Prints every failed
# check and ends with their number; what needs root is named as skipped without it.
set -u
terrace=$1
program=$2
shim=$3
make_flat=$4
work=$(mktemp -d)
chmod 755 "$work"
unset TERRACE_CONF TERRACE_PLAN_FILE LD_PRELOAD TERRACE_PRELOAD
export XDG_CONFIG_HOME=$work/config
pids=()
# shellcheck source=tests/unit/cli/checks.sh
. "$(dirname "$0")/../cli/checks.sh"

# expect_status CODE NAME ARGUMENTS...: runs terrace status.
expect_status() {
  local code=$1 name=$2
  shift 2
  expect "$code" "$name" status "$@"
}

# start COUNT COMMAND...: starts it and waits for COUNT lines "ready PID"; sets `ready`, an array.
start() {
  local count=$1 word id
  shift
  rm -f "$work/hold" "$work/said"
  mkfifo "$work/hold" "$work/said"
  "$@" <"$work/hold" >"$work/said" 2>"$work/messages" &
  pids+=($!)
  exec 8>"$work/hold" 7<"$work/said"
  ready=()
  while [ ${#ready[@]} -lt "$count" ] && read -r -t 10 word id <&7; do
    [ "$word" != ready ] || ready+=("$id")
  done
  mapfile -t ready < <(printf '%s\n' "${ready[@]}" | sort -n)
  [ ${#ready[@]} -ge "$count" ] || { echo "not ready: $*"; cat "$work/messages"; exit 1; }
}
stop() {
  exec 8>&-
  wait "${pids[@]}" 2>/dev/null
  pids=()
}
cleanup() {
  exec 8>&-
  for pid in "${pids[@]}"; do kill -KILL "$pid" 2>/dev/null; done
  rm -rf "$work"
}
trap cleanup EXIT
is_root() { [ "$(id -u)" -eq 0 ] || { echo "skipped without root: $1"; return 1; }; }

"$make_flat" "$work/flat" || exit 1
chmod 644 "$work/flat"
preloaded=(env "LD_PRELOAD=$shim" "TERRACE_PLAN_FILE=$work/flat" "$program")

start 1 "${preloaded[@]}" object
expect_status 0 'plain LD_PRELOAD' "${ready[0]}"
prints_like "status_program \(pid ${ready[0]}\): running"
prints_like '^1 object, 8.00 MiB, live'
prints_like '^dram +numa +8.00 MiB +100.0 %'
prints_like '8.00 MiB .* dram 100.0 % +make_object'
expect_status 0 'JSON' "${ready[0]}" --json
prints_like '"kind": "status"'
prints_like '"label": "make_object'
prints_like '"largest": \['
expect_status 0 'the list'
prints_like " *${ready[0]} +1 +8.00 MiB +answers +status_program"
expect_status 0 'the list as JSON' --json
prints_like '"kind": "status-list"'
kill -STOP "${ready[0]}"
expect_status 5 'a stopped process' "${ready[0]}"
says 'it is stopped'
expect_status 0 'the list with a stopped process'
prints_like "${ready[0]} +no answer"
kill -CONT "${ready[0]}"
expect_status 0 'a continued process' "${ready[0]}"
if is_root 'the status of another user'; then
  timeout 20 setpriv --reuid 65534 --regid 65534 --clear-groups "$terrace" status "${ready[0]}" \
    >"$work/out" 2>"$work/err" </dev/null
  got=$?
  checks=$((checks + 1))
  [ $got -eq 3 ] || fail "another user: exit code $got, expected 3"
  says 'belongs to user 0'
fi
stop
expect_status 2 'a process that has ended' "${ready[0]}"
says 'there is no such process'

start 1 "$terrace" run --threshold 1M --late-size 4K "$program" object
expect_status 0 'terrace run' "${ready[0]}"
prints_like '^1 object, 8.00 MiB, live'
stop

# expect_top CODE NAME ARGUMENTS...: runs terrace top, without a terminal.
expect_top() {
  local code=$1 name=$2
  shift 2
  expect "$code" "top, $name" top "$@"
}
start 1 "$terrace" run --threshold 1M --late-size 4K "$program" object
expect_top 0 "one view" --once --interval 100ms "${ready[0]}"
prints_like "^status_program \(pid ${ready[0]}\) running for .*: 1 object, 8.00 MiB"
prints_like "8.00 MiB .* 100 % +make_object"
expect_top 0 "JSON" --once --json --interval 100ms "${ready[0]}"
prints_like '"kind": "top"'
prints_like '"grown_bytes": 0'
prints_like '"moves": \[\]'
prints_like '"label": "make_object'
expect_top 0 "JSON without --once" --json --interval 100ms "${ready[0]}"
prints_like '"kind": "top"'
expect_top 3 "without a terminal" "${ready[0]}"
says 'use --once'
expect_top 2 "an interval that is too short" --interval 1ms "${ready[0]}"
says 'write 100ms or more'
# How often the program's thread that answers has gone to sleep.
switches() {
  for comm in "/proc/${ready[0]}"/task/*/comm; do
    [ "$(<"$comm")" != terrace-status ] || awk '/^voluntary_ctxt/ { print $2 }' "${comm%comm}status"
  done
}
before=$(switches)
timeout 30 "$terrace" top --once --interval 2s "${ready[0]}" >"$work/out" 2>"$work/err" 8>&- </dev/null &
watcher=$!
# Its first look is over when the thread that answers it has gone back to sleep; that is written in
# the kernel's counts alone.
for _ in $(seq 100); do [ "$(switches)" = "$before" ] || break; sleep 0.05; done
exec 8>&-
wait "$watcher"
got=$?
checks=$((checks + 1))
[ $got -eq 5 ] || fail "top, a program that ends meanwhile: exit code $got, expected 5"
says 'ended while it was watched'
stop
expect_top 2 "a process that does not run under Terrace" --once $$
says 'does not run under Terrace'
expect_top 2 "no process" --once 999999999
says 'no such process'

start 2 "${preloaded[@]}" object fork object
expect_status 0 'the parent of a fork' "${ready[0]}"
prints_like "\(pid ${ready[0]}\)"
prints_like '^2 objects, 16.0 MiB'
expect_status 0 'the child of a fork' "${ready[1]}"
prints_like "\(pid ${ready[1]}\)"
prints_like '^2 objects, 16.0 MiB'
stop

start 2 "${preloaded[@]}" object fork
expect_status 0 'a parent whose child has made nothing' "${ready[0]}"
expect_status 3 'a child that has made nothing of its own' "${ready[1]}"
says 'it has made no object yet'
stop

start 1 "${preloaded[@]}"
expect_status 3 'a program without objects' "${ready[0]}"
says 'it has made no object yet'
expect_status 0 'the list with it'
prints_like "${ready[0]} +nothing to ask"
checks=$((checks + 1))
[ "$(ls "/proc/${ready[0]}/task" | wc -l)" -eq 1 ] || fail 'a program without objects has a thread'
stop

start 1 "${preloaded[@]}" object exec
expect_status 3 'a program that another one became' "${ready[0]}"
stop
start 1 "${preloaded[@]}" object exec object
expect_status 0 'a program that another one became and that has an object' "${ready[0]}"
stop

start 1 "${preloaded[@]}" object close
expect_status 3 'a program that closed all descriptors' "${ready[0]}"
says 'closed descriptors'
stop

start 1 env TERRACE_CONF=live-status:false "$terrace" run "$program" object
expect_status 3 'live-status off' "${ready[0]}"
says 'live-status is off'
stop

expect_status 2 'a process that does not run under Terrace' $$
says 'does not run under Terrace'
expect_status 2 'no number' 12x
says 'is no process id'
expect_status 2 'a negative number' -- -5

if is_root 'users and namespaces'; then
  start 1 "${preloaded[@]}" object drop
  expect_status 0 'a program that gave its rights up, asked by root' "${ready[0]}"
  timeout 20 setpriv --reuid 65534 --regid 65534 --clear-groups "$terrace" status "${ready[0]}" \
    >"$work/out" 2>"$work/err" </dev/null
  got=$?
  checks=$((checks + 1))
  [ $got -eq 0 ] || fail "a program that gave its rights up, asked by its user: exit code $got"
  stop
  if unshare --pid --fork --mount-proc true 2>/dev/null; then
    start 1 unshare --pid --fork --mount-proc "${preloaded[@]}" object
    outer=$(pgrep -P "${pids[-1]}" status_program)
    expect_status 0 'a program in a PID namespace' "$outer"
    prints_like "\(pid $outer\)"
    stop
    # A namespace of its own, in which no other process can be meant.
    alone=(unshare --pid --fork --mount-proc bash -c)
    timeout 20 "${alone[@]}" "\"$terrace\" top --once" >"$work/out" 2>"$work/err"
    got=$?
    checks=$((checks + 1))
    [ $got -eq 2 ] || fail "top, nobody to watch: exit code $got, expected 2"
    says 'no process of yours runs under Terrace'
    rm -f "$work/hold" "$work/said"
    mkfifo "$work/hold" "$work/said"
    timeout 20 "${alone[@]}" "exec 8<>$work/hold 7<>$work/said
      LD_PRELOAD=$shim TERRACE_PLAN_FILE=$work/flat $program object <&8 >&7 &
      read -r _ <&7; \"$terrace\" top --once --interval 100ms" >"$work/out" 2>"$work/err"
    got=$?
    checks=$((checks + 1))
    [ $got -eq 0 ] || fail "top, the only process that answers: exit code $got, expected 0"
    prints_like '^status_program .*1 object, '
    start 1 unshare --net "${preloaded[@]}" object
    expect_status 0 'a program in a network namespace, asked by root' "${ready[0]}"
    expect_status 0 'the list with it'
    prints_like "${ready[0]} +in another network namespace"
    stop
  else
    echo 'skipped: no new namespaces here'
  fi
fi

finish
