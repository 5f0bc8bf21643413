# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# One run of one machine: a folder of its own, the boot, the command's output as it comes, its exit
# status. Several may run at once. To be sourced after the others of this folder.

require_lab() {
  # shellcheck source=../../../bench/lib/packages.sh
  . "$root/bench/lib/packages.sh"
  require_packages lab
}

# prepare_lab: the kernel and the archives that runs share, in `kernel`, `base` and `programs`. One run
# at a time makes them.
prepare_lab() {
  local lab=$build/lab lock
  mkdir -p "$lab"
  exec {lock}>"$lab/lock"
  flock "$lock"
  kernel=$(kernel_folder "$lab")
  base=$(base_archive "$lab" "$kernel")
  programs=$(programs_archive "$build" "$lab")
  exec {lock}>&-
}

run=''            # this run's folder
qemu_process=''   # its QEMU, while it runs

# Whatever ends this program ends QEMU and removes the folder.
clean_up() {
  if [ -n "$qemu_process" ]; then kill "$qemu_process" 2>/dev/null || true; fi
  qemu_process=''
  if [ -n "$run" ]; then rm -rf "$run"; fi
  run=''
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# prepare_run MACHINE COMMAND...: reads the machine, makes this run's folder and QEMU's command line.
prepare_run() {
  local file=$lab_folder/machines/$1.machine
  shift
  read_machine "$file" || return 2
  run=$(mktemp -d "${TMPDIR:-/tmp}/terrace-lab.XXXXXX")
  if [ $# -gt 0 ]; then printf '%q ' "$@" >"$run/command"; else : >"$run/command"; fi
  payload_archive "$build" "$run" "$file"
  cat "$base" "$programs" "$run/payload.cpio" >"$run/initrd"
  rm "$run/payload.cpio"
  qemu_command "$(kernel_image "$kernel")" "$run/initrd" "$run"
}

# run_command MACHINE COMMAND...: returns COMMAND's status, or 1 when the machine did not get there.
run_command() {
  local name=$1 status=0
  prepare_run "$@"
  qemu_channels "$run"
  qemu+=(-append "${kernel_words[*]}")
  mkfifo "$run/out" "$run/err"
  # Held open here too, so that the readers end when this closes, even if QEMU never started.
  exec {out}<>"$run/out" {err}<>"$run/err"
  pass_on "$run/out" {out}>&- {err}>&- &
  local readers=($!)
  pass_on "$run/err" >&2 {out}>&- {err}>&- &
  readers+=($!)
  timeout -k 5 "${machine[timeout]}" "${qemu[@]}" </dev/null >"$run/qemu" 2>&1 {out}>&- {err}>&- &
  qemu_process=$!
  wait "$qemu_process" || status=$?
  qemu_process=''
  exec {out}>&- {err}>&-
  wait "${readers[@]}"
  finish_run "$name" "$status"
}

# pass_on FIFO: to stdout. When nobody reads there any more, as behind `| head`, the machine must
# not come to a halt over it.
pass_on() { cat "$1" 2>/dev/null || cat "$1" >/dev/null; }

# finish_run MACHINE QEMU_STATUS: judges the run and keeps or removes what it left.
finish_run() {
  local name=$1 status=$2 verdict=''
  if [ -s "$run/status" ]; then
    verdict=$(<"$run/status")
  elif [ "$status" -eq 124 ] || [ "$status" -eq 137 ]; then
    printf 'lab: %s was not done after %s s (timeout in its machine file)\n' "$name" "${machine[timeout]}" >&2
  elif [ "$status" -ne 0 ]; then
    printf 'lab: QEMU ended with status %s:\n' "$status" >&2
  else
    printf 'lab: %s ended before the command did\n' "$name" >&2
  fi
  if [ -z "$verdict" ]; then
    cat "$run/qemu" >&2
    printf 'lab: the end of its console:\n' >&2
    tail -n 80 "$run/console" 2>/dev/null | tr -d '\r' >&2 || true
  fi
  keep_console "$name"
  clean_up
  return "${verdict:-1}"
}

keep_console() {
  [ "$keep_log" = yes ] && [ -e "$run/console" ] || return 0
  local log
  log=$(mktemp "${TMPDIR:-/tmp}/terrace-lab-$1.XXXXXX.log")
  tr -d '\r' <"$run/console" >"$log"
  printf 'lab: console log of %s: %s\n' "$1" "$log" >&2
}

# run_shell MACHINE: the console is this terminal; no time limit.
run_shell() {
  prepare_run "$1"
  qemu+=(-serial mon:stdio -append "${kernel_words[*]} quiet")
  "${qemu[@]}"
}
