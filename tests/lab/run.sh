#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The tier lab: boots emulated machines with real memory tiers and runs commands and tests in them.
# tests/lab/run.sh --help says how; docs/testing.md says what for.
set -euo pipefail
lab_folder=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$lab_folder/../.." && pwd)
PATH=$PATH:/usr/sbin:/sbin   # depmod and mkfs.ext4, for others than root
# shellcheck source=lib/machine.sh
. "$lab_folder/lib/machine.sh"
# shellcheck source=lib/qemu.sh
. "$lab_folder/lib/qemu.sh"
# shellcheck source=lib/kernel.sh
. "$lab_folder/lib/kernel.sh"
# shellcheck source=lib/initramfs.sh
. "$lab_folder/lib/initramfs.sh"
# shellcheck source=lib/boot.sh
. "$lab_folder/lib/boot.sh"
# shellcheck source=lib/suite.sh
. "$lab_folder/lib/suite.sh"

usage() {
  cat <<'TEXT'
usage: tests/lab/run.sh [--build DIR] [--keep-log] MACHINE [-- COMMAND...]
       tests/lab/run.sh [--build DIR] [--keep-log] --test MACHINE
       tests/lab/run.sh [--build DIR] [--keep-log] --all
       tests/lab/run.sh [--build DIR] --prepare
       tests/lab/run.sh --list

Boots MACHINE (a file of tests/lab/machines) under QEMU and runs COMMAND in it, as root, with the
build's programs on PATH; COMMAND's output and exit status are this program's. Without COMMAND: a
shell on the machine's console; leave it with `exit`.

  --all         every machine's own tests; the last line is `N passed, M failed`
  --test        one machine's own tests
  --list        the machines
  --prepare     fetches the kernel and packs what all machines share, and boots nothing
  --build DIR   what to run there; default build/release
  --keep-log    leave the console's log behind and say where

Needs no root, no KVM and no network once its packages are there and the kernel was fetched.
Exit status: COMMAND's; 1 a test or the machine failed; 2 usage; 3 something is not installed.
TEXT
}

die() { printf '%s\n' "$2" >&2; exit "$1"; }

build=$root/build/release
keep_log=no
task=command
name=''
command=()
while [ $# -gt 0 ]; do
  case $1 in
    --help | -h) usage; exit 0 ;;
    --list | --all | --prepare) task=${1#--} ;;
    --test) task=test ;;
    --keep-log) keep_log=yes ;;
    --build) [ $# -ge 2 ] || die 2 '--build needs a folder'; build=$2; shift ;;
    --) shift; command=("$@"); break ;;
    -*) die 2 "no option $1; see tests/lab/run.sh --help" ;;
    *) [ -z "$name" ] || die 2 "'$1' is one word too many; a command comes after --"; name=$1 ;;
  esac
  shift
done

if [ "$task" = list ]; then list_machines; exit 0; fi
if [ "$task" = command ] || [ "$task" = test ]; then
  [ -n "$name" ] || die 2 'which machine? --list names them, --help says more'
  [ -e "$lab_folder/machines/$name.machine" ] || die 2 "no machine named $name; --list names them"
fi
case $build in /*) ;; *) build=$root/$build ;; esac
[ -x "$build/terrace" ] || die 3 "$build holds no terrace: build it first (tests/run.sh does)"
require_lab
prepare_lab
case $task in
  all) run_all ;;
  test) run_tests "$name" ;;
  command) if [ ${#command[@]} -gt 0 ]; then run_command "$name" "${command[@]}"; else run_shell "$name"; fi ;;
esac
