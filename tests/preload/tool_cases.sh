#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# tool_cases.sh BUILD TOOL: a program under a real tool that keeps the heap to itself, with and
# without the preload library: the same output, exit status and finding, one line that says so, and
# 125 before the program begins under strict. TOOL is one of asan, static-asan, tsan, lsan,
# clang-asan, clang-tsan, clang-msan, memcheck, callgrind, heaptrack-before, heaptrack-behind,
# heaptrack. Exit status 77 with the name of what is missing: skipped.
set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build=$1
tool=$2
shim=$build/libterrace-preload.so
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
unset TERRACE_CONF TERRACE_PLAN_FILE LD_PRELOAD TERRACE_PRELOAD
export XDG_CONFIG_HOME=$work/config
failed=0

skip() {
  echo "skipped: $1"
  exit 77
}
need() { command -v "$1" >/dev/null || skip "program $1 (package $2)"; }
# compile COMPILER PACKAGE FLAGS...: the program, when the compiler has the tool's runtime.
compile() {
  need "$1" "$2"
  echo 'int main(void) { return 0; }' >probe.c
  "$1" "${@:3}" probe.c -o probe 2>/dev/null || skip "runtime of $1 ${*:3}"
  "$1" -g -pthread "${@:3}" "$here/tool_program.c" -o program || exit 1
}
heaptrack_library() {
  need heaptrack heaptrack
  local file
  for file in /usr/lib/heaptrack/libheaptrack_preload.so /usr/lib/*/heaptrack/libheaptrack_preload.so; do
    if [ -e "$file" ]; then echo "$file"; return; fi
  done
}

command=(./program)
finding=
before=
behind=
named=
case $tool in
  asan) compile gcc gcc -fsanitize=address; named=AddressSanitizer ;;
  static-asan) compile gcc gcc -fsanitize=address -static-libasan; named=AddressSanitizer ;;
  tsan) compile gcc gcc -fsanitize=thread; named=ThreadSanitizer ;;
  lsan) compile gcc gcc -fsanitize=leak; named=LeakSanitizer ;;
  clang-asan) compile clang clang -fsanitize=address; named=AddressSanitizer ;;
  clang-tsan) compile clang clang -fsanitize=thread; named=ThreadSanitizer ;;
  clang-msan) compile clang clang -fsanitize=memory; named=MemorySanitizer ;;
  memcheck)
    need valgrind valgrind
    compile gcc gcc
    command=(valgrind -q --error-exitcode=9 ./program)
    named=valgrind
    ;;
  callgrind)
    need valgrind valgrind
    compile gcc gcc
    command=(valgrind -q --tool=callgrind --callgrind-out-file=/dev/null ./program)
    named=valgrind
    ;;
  heaptrack-before | heaptrack-behind | heaptrack)
    compile gcc gcc
    library=$(heaptrack_library)
    [ -n "$library" ] || skip 'package heaptrack'
    export DUMP_HEAPTRACK_OUTPUT=$work/heap
    case $tool in
      heaptrack-before) before=$library: ;;
      heaptrack-behind) behind=:$library ;;
      heaptrack) command=(heaptrack -o "$work/heap" ./program) ;;
    esac
    named=heaptrack
    ;;
  *) sed -n '3,8p' "$0" | cut -c3- >&2; exit 2 ;;
esac
case $tool in
  *asan) finding='heap-use-after-free' ;;
  memcheck) finding='Invalid read of size 1' ;;
esac

# With a plan in force, so that there is something to refuse.
"$build/tests/make_flat" "$work/flat" || exit 1
# run PREFIX PRELOAD ARGUMENTS...
run() {
  local prefix=$1 preload=$2
  shift 2
  env ${preload:+"LD_PRELOAD=$preload"} "TERRACE_PLAN_FILE=$work/flat" \
    "${command[@]}" "$@" >"$prefix.out" 2>"$prefix.err" </dev/null
  echo $? >"$prefix.status"
}
check() { # check NAME CONDITION...
  local name=$1
  shift
  if "$@"; then return; fi
  failed=$((failed + 1))
  echo "FAILED: $name"
  head -n 20 with.err
}
own_lines() { [ "$(grep -c '^terrace: ' "$2")" -eq "$1" ]; }
same_but_names() { cmp -s <(grep -vi heaptrack "$1") <(grep -vi heaptrack "$2"); }

tool_alone=${before%:}${behind#:}
run plain "$tool_alone"
run with "$before$shim$behind"
check 'the tool works here by itself' grep -q '^7 7$' plain.out
check 'same output' same_but_names plain.out with.out
check 'same exit status' cmp plain.status with.status
check 'one line' own_lines 1 with.err
check 'the line names the tool' grep -q "^terrace: the program runs under $named" with.err
if [ -n "$finding" ]; then
  run plain "$tool_alone" use-after-free
  run with "$before$shim$behind" use-after-free
  check 'the tool finds errors by itself' grep -q "$finding" plain.err
  check 'the tool finds them with the library' grep -q "$finding" with.err
  check 'the same exit status then' cmp plain.status with.status
fi
# A wrapper would end by a code of its own. heaptrack takes itself out of LD_PRELOAD for whatever a
# program under it starts, so it is put there behind `terrace`.
if [ "$tool" != heaptrack ]; then
  "$build/terrace" run --strict -- env "LD_PRELOAD=$before$shim$behind" "${command[@]}" \
    >with.out 2>with.err </dev/null
  got=$?
  check "125 under strict, not $got" [ $got -eq 125 ]
  check 'nothing of the program under strict' [ ! -s with.out ]
fi
[ $failed -eq 0 ] && echo "$tool: unplaced, as without the library"
exit $failed
