#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The lab's own parts that need no machine: how machine files are read, what QEMU is told of them,
# when programs are packed, and how checks are counted.
set -euo pipefail
lab_folder=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$lab_folder/lib/machine.sh"
. "$lab_folder/lib/qemu.sh"
. "$lab_folder/lib/initramfs.sh"
. "$lab_folder/guest/check.sh"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# refused TEXT FILE_CONTENT: the machine file is refused, and TEXT stands in what is said.
refused() {
  local said
  printf '%b' "$2" >"$work/bad.machine"
  if said=$(read_machine "$work/bad.machine" 2>&1); then echo 'it was taken' && return 1; fi
  [[ $said == *"$1"* ]] || { printf '%s\n' "$said" && return 1; }
}

# arguments MACHINE_CONTENT: QEMU's command line, one word a line.
arguments() {
  printf '%b' "$1" >"$work/good.machine"
  read_machine "$work/good.machine"
  qemu_command kernel initrd "$work"
  printf '%s\n' "${qemu[@]}" "${kernel_words[@]}"
}

# has TEXT WORD: WORD is a line of TEXT.
has() { grep -qxF -- "$2" <<<"$1" || { printf '%s\n' "$1" && return 1; }; }

check_machine_files() {
  local file one='node.0 = size=1G cpus=2\n'
  for file in "$lab_folder"/machines/*.machine; do
    check "$(basename "$file") is read" read_machine "$file"
  done
  check 'an unknown key is refused by line' refused "bad.machine:2: unknown key 'colour'" "${one}colour = red\n"
  check 'a line without = is refused' refused "is not 'key = value'" 'node.0\n'
  check 'an unknown attribute is refused' refused "does not take 'speed=9'" 'node.0 = size=1G cpus=2 speed=9\n'
  check 'a size without unit is refused' refused 'needs size=' 'node.0 = size=1000 cpus=2\n'
  check 'a machine without CPUs is refused' refused 'needs cpus=' 'node.0 = size=1G\n'
  check 'sockets that differ are refused' refused 'need the same cpus' "${one}node.1 = size=1G cpus=1\n"
  check 'a hole behind memory is refused' refused 'right behind the sockets' \
    "${one}node.1 = size=1G\nnode.3 = size=1G\n"
  check 'pmem beside HMAT is refused' refused 'does not go with' \
    "${one}hmat.0-0 = latency=9 bandwidth=9\npmem.0 = size=256M mode=fsdax\n"
}

check_command_lines() {
  local words
  words=$(arguments 'node.0 = size=512M cpus=2\nnode.3 = size=1G initiator=0\ndistance.0-3 = 17\n')
  check 'sizes add up' has "$words" 1536M
  check 'a socket that is not fitted has no memory' has "$words" node,nodeid=2
  check 'its processors are there in name only' has "$words" '2,maxcpus=6,sockets=3,cores=2,threads=1'
  check 'and the kernel is told so' has "$words" nr_cpus=2
  check 'the second one starts when devices are up' has "$words" maxcpus=1
  check 'memory has its initiator' has "$words" node,nodeid=3,memdev=m3,initiator=0
  check 'distances go both ways' has "$words" dist,src=3,dst=0,val=17
  words=$(arguments 'node.0 = size=1G cpus=1\ncxl.0 = size=512M mode=devdax latency=5 bandwidth=100\nkernel = quiet\n')
  check 'the way to a CXL device is a generic port' has "$words" acpi-generic-port,id=gp1,pci-bus=cxl.1,node=2
  check 'kernel arguments are passed on' has "$words" quiet
}

# The build's programs are packed once for all machines, and again when one of them is another.
check_programs() {
  local build=$work/build lab=$work/lab first second
  mkdir -p "$build/tests/lab" "$lab"
  for program in terrace libterrace.so tests/lab/one; do
    echo 'a program' >"$build/$program" && chmod 755 "$build/$program"
  done
  echo 'no program' >"$build/tests/lab/CTestTestfile.cmake"
  # shellcheck disable=SC2317  # both are called by programs_archive
  copy_program() { echo "$1" >>"$work/copied"; }
  # shellcheck disable=SC2317
  pack() { echo packed >"$2"; }
  first=$(programs_archive "$build" "$lab")
  check_equal 'programs are packed, and nothing else' "terrace libterrace.so tests/lab/one" \
    "$(sed "s|^$build/||" "$work/copied" | paste -sd ' ')"
  check_equal 'and once' "$first 3" "$(programs_archive "$build" "$lab") $(wc -l <"$work/copied")"
  echo 'another' >"$build/tests/lab/one"
  second=$(programs_archive "$build" "$lab")
  check 'another program is packed' test "$second" != "$first"
  check_equal 'and those of before are gone' "$second" "$(echo "$lab"/*)"
}

# counted WANT STATUS TEST: what run_tests.sh says last, and its status.
counted() {
  local said status=0
  said=$(bash "$work/run_tests.sh" "$3") || status=$?
  [ "$(tail -n 1 <<<"$said")" = "$1" ] && [ "$status" -eq "$2" ] ||
    { printf '%s\nstatus %d\n' "$said" "$status" && return 1; }
}

check_counts() {
  cp "$lab_folder/guest/run_tests.sh" "$work/"
  printf '#!/bin/sh\necho "3 passed, 0 failed"\n' >"$work/good.sh"
  printf '#!/bin/sh\necho "3 passed, 2 failed"; exit 1\n' >"$work/bad.sh"
  printf '#!/bin/sh\necho "3 passed, 0 failed"; kill -SEGV $$\n' >"$work/crash.sh"
  printf '#!/bin/sh\necho hello\n' >"$work/nothing.sh"
  printf '#!/bin/sh\necho "[       OK ] A.b (1 ms)"\necho "[  FAILED  ] A.c (2 ms)"\necho "[  FAILED  ] A.c"\nexit 1\n' \
    >"$work/cases.sh"
  check 'checks are counted' counted '3 passed, 0 failed' 0 good.sh
  check 'failed checks are counted' counted '3 passed, 2 failed' 1 bad.sh
  check 'a crash is a failure' counted '3 passed, 1 failed' 1 crash.sh
  check 'no checks are a failure' counted '0 passed, 1 failed' 1 nothing.sh
  check 'a missing test is a failure' counted '0 passed, 1 failed' 1 no-such-test
  check 'cases of GoogleTest are counted once' counted '1 passed, 1 failed' 1 cases.sh
}

check_machine_files
check_command_lines
check_programs
check_counts
checks_done
