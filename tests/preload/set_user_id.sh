#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# set_user_id.sh SHIM: nobody who starts a program with more rights than he has steers its memory:
# by LD_PRELOAD, which the dynamic linker ignores there, or by our environment variables in a program
# that is linked against the library. Exit status 77 with the name of what is missing: skipped.
set -u
shim=$1
skip() {
  echo "skipped: $1"
  exit 77
}
[ "$(id -u)" -eq 0 ] || skip 'making a set-user-ID program: root'
command -v gcc >/dev/null || skip 'program gcc'
command -v setpriv >/dev/null || skip 'program setpriv'
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
cd "$work" || exit 1
cp "$shim" libterrace-preload.so
chmod 755 libterrace-preload.so
# Ends with 42; says whose rights it has, and whether the library is in it.
cat >program.c <<'CODE'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
int main(void) {
  FILE* maps = fopen("/proc/self/maps", "r");
  char line[512];
  int loaded = 0;
  while (maps != NULL && fgets(line, sizeof line, maps) != NULL) loaded |= strstr(line, "libterrace") != NULL;
  char* large = malloc(5 << 20);
  memset(large, 1, 5 << 20);
  printf("user %d, %s, %s\n", (int)geteuid(), loaded ? "loaded" : "not loaded",
         (size_t)large % (2 << 20) == 0 ? "placed" : "unplaced");
  return 42;
}
CODE
gcc -fno-builtin program.c -o plain || exit 1
gcc -fno-builtin program.c -o linked -Wl,--no-as-needed -L. -l:libterrace-preload.so "-Wl,-rpath,$work" || exit 1
cp plain plain-suid
cp linked linked-suid
chmod 4755 plain-suid linked-suid

checks=0
failed=0
# expect CODE OUTPUT MESSAGES PROGRAM ENVIRONMENT...: as user 65534.
expect() {
  local code=$1 output=$2 messages=$3 program=$4 got=0
  shift 4
  setpriv --reuid 65534 --regid 65534 --clear-groups env "$@" "./$program" >out 2>err || got=$?
  checks=$((checks + 1))
  if [ $got -ne "$code" ] || [ "$(cat out)" != "$output" ] || [ "$(grep -c '^terrace:' err)" -ne "$messages" ]; then
    failed=$((failed + 1))
    echo "FAILED: $program $*: exit code $got, expected $code"
    cat out err
  fi
}
./plain-suid >out
setpriv --reuid 65534 --regid 65534 --clear-groups ./plain-suid >out
grep -q '^user 0' out || skip "set-user-ID programs in $work (mounted nosuid)"

bad=(TERRACE_PLAN_FILE=/nonexistent TERRACE_STRICT=1)
# Without more rights both ways lead in: the checks below could fail.
expect 125 '' 1 plain "LD_PRELOAD=$work/libterrace-preload.so" "${bad[@]}"
expect 125 '' 1 linked "${bad[@]}"
expect 42 'user 0, not loaded, unplaced' 0 plain-suid "LD_PRELOAD=$work/libterrace-preload.so" "${bad[@]}"
expect 42 'user 0, loaded, unplaced' 0 linked-suid "${bad[@]}"
echo "$checks checks, $failed failed"
exit $failed
