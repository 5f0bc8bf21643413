#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# same_output.sh SHIM PROGRAM [FOLDER]: runs programs/PROGRAM.sh, a real program at work, with and without
# the shim in front of it (SHIM is what goes into LD_PRELOAD, several libraries separated by colons) and
# compares output, messages and exit status. The script runs in a fresh folder that holds `text`, 6 MB
# in 200,000 lines, and `tiny.cc`; its first comment names the commands that it needs. Exit status 77
# with the name of what is missing: skipped.
# same_output.sh --plain PROGRAM FOLDER: runs it without the shim and keeps in FOLDER what came of it, for
# every shim that is then tried with that FOLDER, one at a time.
set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
shim=$1
program=$2
script=$here/programs/$program.sh

skip() {
  echo "skipped: $1"
  exit 77
}
libraries=()
[ "$shim" = --plain ] || IFS=: read -ra libraries <<<"$shim"
for library in "${libraries[@]}"; do
  [ -e "$library" ] || skip "library $library"
done
[ -e "$script" ] || { echo "same_output.sh: no test for $program ($script)"; exit 2; }
needs=$(sed -n 's/^# needs \([^;]*\).*/\1/p' "$script")
for need in $needs; do
  command -v "$need" >/dev/null || skip "program $need"
done
if grep -q 'package python3-numpy' "$script" && ! /usr/bin/python3 -c 'import numpy' 2>/dev/null; then
  skip 'package python3-numpy'
fi

work=${3:-}
if [ -z "$work" ]; then
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
fi
# Both runs see the same paths, since some programs print them.
run() { # run PREFIX PRELOAD
  rm -rf "$work/run"
  mkdir -p "$work/run"
  awk 'BEGIN { x = 1; for (i = 0; i < 200000; ++i) { x = (x * 16807) % 2147483647; print x, i, "line" } }' >"$work/run/text"
  printf '#include <map>\n#include <string>\nint main() { return std::map<std::string, int>{}.size(); }\n' >"$work/run/tiny.cc"
  (cd "$work/run" && LD_PRELOAD=$2 LC_ALL=C bash "$script") >"$work/$1.out" 2>"$work/$1.err" </dev/null
  echo $? >"$work/$1.status"
  rm -rf "$work/run"
}
if [ "$shim" = --plain ]; then
  rm -rf "$work"
  run plain ''
  exit 0
fi
[ -n "${3:-}" ] || run plain ''
run shim "$shim"
plain=$(<"$work/plain.status")
with=$(<"$work/shim.status")
failed=0
[ "$plain" -eq "$with" ] || { echo "exit status $plain, with the shim $with"; failed=1; }
diff -a "$work/plain.out" "$work/shim.out" | head -n 40
cmp "$work/plain.out" "$work/shim.out" || failed=1
diff -a "$work/plain.err" "$work/shim.err" || failed=1
[ -s "$work/plain.out" ] || { echo "$program printed nothing: compares nothing"; failed=1; }
# A program that fails by itself proves little; those that end with a status say so.
if grep -q -i -e 'segmentation fault' -e 'command not found' -e 'no such file' "$work/plain.err"; then
  echo "$program does not work here without the shim:"
  head -n 20 "$work/plain.err"
  failed=1
fi
[ $failed -eq 0 ] && echo "$program: same output ($(wc -c <"$work/plain.out") bytes) and exit status $plain"
exit $failed
