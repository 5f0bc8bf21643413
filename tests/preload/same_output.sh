#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# same_output.sh SHIM PROGRAM: runs a real program with and without the shim in front of it (SHIM is
# what goes into LD_PRELOAD, several libraries separated by colons) and compares output and exit
# status. Exit status 77 with the name of what is missing: skipped.
set -u
shim=$1
program=$2

skip() {
  echo "skipped: $1"
  exit 77
}
IFS=: read -ra libraries <<<"$shim"
for library in "${libraries[@]}"; do
  [ -e "$library" ] || skip "library $library"
done
command -v "$program" >/dev/null || skip "program $program"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
# Input that is the same in each run and large enough for objects: 6 MB of text.
awk 'BEGIN { x = 1; for (i = 0; i < 200000; ++i) { x = (x * 16807) % 2147483647; print x, i, "line" } }' >text
printf '#include <map>\n#include <string>\nint main() { return std::map<std::string, int>{}.size(); }\n' >tiny.cc

run() {
  case $program in
    ls) ls -lR /usr/share/doc /etc ;;
    grep) grep -c -E '(1.*2.*3|9{3})' text ;;
    sort) sort -n text ;;
    awk) awk '{ s[$1 % 1000] += $2 } END { for (i = 0; i < 1000; ++i) print i, s[i] }' text ;;
    bash) bash -c 'for i in $(seq 2000); do a+=("$i $(( i * i ))"); done; echo "${a[@]}" | wc; (exit 7)' ;;
    git)
      rm -rf repository && git init -q -b main repository && cd repository &&
        cp ../text . && git add text && git -c user.name=t -c user.email=t@example.org \
          -c commit.gpgsign=false commit -q -m one --date='2020-01-01T00:00:00' &&
        echo more >>text && git status --short && git log --format=%T && git diff --stat
      ;;
    g++) g++ -std=c++20 -fsyntax-only -H tiny.cc ;;
    perl) perl -e 'my %h; while (<>) { my @f = split; $h{$f[0]} = $f[1] } print scalar(keys %h), "\n"; print join(",", (sort keys %h)[0..20]), "\n"; exit 3' text ;;
    python3) python3 -c 'import json, re, zlib; d = open("text").read(); print(len(json.dumps(re.findall(r"\d+", d))), zlib.crc32(d.encode() * 4)); raise SystemExit(5)' ;;
    gzip) gzip -6 -n -c text | cksum ;;
    tar) tar --sort=name --mtime=@0 --owner=0 --group=0 -cf - text tiny.cc | cksum ;;
    xz) xz -T2 -0 -c text | cksum ;;
    *) echo "same_output.sh: no test for $program" && exit 2 ;;
  esac
}

(run) >plain.out 2>plain.err
plain=$?
LD_PRELOAD=$shim bash -c "$(declare -f run); program=$program; run" >shim.out 2>shim.err
with=$?
failed=0
[ $plain -eq $with ] || { echo "exit status $plain, with the shim $with"; failed=1; }
cmp plain.out shim.out || failed=1
diff plain.err shim.err || failed=1
[ -s plain.out ] || [ -s plain.err ] || { echo "$program printed nothing: compares nothing"; failed=1; }
[ $failed -eq 0 ] && echo "$program: same output ($(wc -c <plain.out) bytes) and exit status $plain"
exit $failed
