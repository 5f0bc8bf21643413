#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# run.sh from outside: what a command in a machine prints and how it ends arrives as it is, and a
# machine that dies is a failure that shows why. Argument: the build folder.
set -euo pipefail
lab_folder=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$lab_folder/guest/check.sh"
build=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export TMPDIR=$work   # so that what is left behind shows

# in_guest STATUS WORD...: runs the command in the smallest machine; the status must be STATUS.
in_guest() {
  local want=$1 status=0
  shift
  "$lab_folder/run.sh" --build "$build" one-node -- "$@" >"$work/out" 2>"$work/err" || status=$?
  if [ "$status" -eq 3 ] && [ "$want" -ne 3 ]; then cat "$work/err" >&2 && exit 3; fi
  [ "$status" -eq "$want" ] || { printf 'status %d\n' "$status" && cat "$work/err" && return 1; }
}

check 'the status is the command'\''s' in_guest 7 bash -c \
  'printf "a\0\r\n\xff%s" "$1"; echo "to stderr" >&2; exit 7' name 'two  words'
printf 'a\0\r\n\xfftwo  words' >"$work/want"
check 'bytes and arguments arrive as they are' cmp "$work/want" "$work/out"
check_equal 'stderr is apart' 'to stderr' "$(cat "$work/err")"
check 'a kernel panic is a failure' in_guest 1 sh -c 'echo c >/proc/sysrq-trigger'
check 'and its console is shown' grep -q 'Kernel panic' "$work/err"
check_equal 'nothing is left behind' 'err out want' "$(cd "$work" && echo *)"
checks_done
