#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# processes_test.sh TERRACE READS_MEMORY: programs of several processes, recorded into one session.
# Prints every failed check and ends with their number.
# shellcheck disable=SC2016  # the recorded shells expand it
set -u
# shellcheck source=tests/unit/cli/recordings.sh
. "$(dirname "$0")/recordings.sh"

# sizes: those of the objects in a report as JSON.
sizes() {
  grep -o '"size_bytes": [0-9]*' out | sort -u | tr -d '\n'
}

one_fast_tier

# Two children at work at the same time, of different size: one session, nothing mixed.
expect 0 'record of two children' record --budget 0% --tiers tiers.toml -o two.session -- \
  sh -c '"$0" 48 4500 & "$0" 16 4500 & wait' "$reader"
exists two.session
alone two.session
schema_is two.session 3
private two.session
expect 0 'report of the hottest' report two.session --json
says 'of 2 processes'
says '--process'
prints '"process": {'
prints '"parent_pid": '
prints "\"host\": \"$(uname -n)\""
expect 0 'report, text' report two.session
prints 'below'
prints 'reads_memory'
for number in 1 2; do
  expect 0 "report of process $number" report two.session --process $number --json
  silent err "report of process $number"
  sizes >"sizes$number"
  pid=$(grep -o '"pid": [0-9]*' out | tr -dc 0-9)
  expect 0 "report of process $pid" report two.session --process "$pid" --json
  checks=$((checks + 1))
  [ "$(sizes)" = "$(cat "sizes$number")" ] || fail "process $pid is not process $number"
done
checks=$((checks + 1))
[ "$(sort sizes1 sizes2 | tr -d '\n')" = '"size_bytes": 16777216"size_bytes": 50331648' ] ||
  [ "$(cat sizes1 sizes2)" = '"size_bytes": 50331648"size_bytes": 16777216' ] ||
  fail "objects of two processes are mixed: $(cat sizes1 sizes2)"
expect 2 'report of no such process' report two.session --process 3
says 'there are 1: '
expect 0 'export of a process' export two.session --process 1
prints '"kind": "session-export"'
expect 0 'diff of the hottest' diff two.session two.session --json
prints '"state": "same"'
expect 0 'diff of a process' diff two.session two.session --process 2
expect 0 'plan of the hottest' plan two.session --tiers tiers.toml -o two.json
says 'of 2 processes'
expect 0 'plan of a process' plan two.session --process 2 --tiers tiers.toml
"$terrace" verify two.json --session two.session --process 1 >out 2>err
code=$?
checks=$((checks + 1))
[ "$code" -ne 5 ] || fail 'verify of a process'
printf '[[site]]\nname = "my cache {n}"\nclass = "kv"\nmodule = "reads_memory"\nmin-size = "1M"\n' >rules.toml
expect 0 'record of two children, names' record -o named.session --site-rules rules.toml -- \
  sh -c '"$0" 48 1500 & "$0" 16 1500 & wait' "$reader"
for number in 1 2; do
  expect 0 "names of process $number" report named.session --process $number
  prints 'my cache 0'
done

# A parent that works, and a child of it; the parent comes first.
expect 0 'record of a parent and its child' record -o family.session -- \
  "$reader" 48 1500 "$reader" 16 1500
schema_is family.session 3
expect 0 'report of the parent' report family.session --process 1 --json
prints '"size_bytes": 50331648'
parent=$(grep -o '"pid": [0-9]*' out | tr -dc 0-9)
expect 0 'report of the child' report family.session --process 2 --json
prints '"size_bytes": 16777216'
prints "\"parent_pid\": $parent"

# A program that becomes another: one number, two programs.
expect 0 'record of a program that execs' record -o became.session -- \
  bash -c '"$0" 16 900; exec "$0" 48 1500' "$reader"
schema_is became.session 3

# Twenty short children without a large object: no file of theirs, no session of several.
expect 0 'record of many children' record -o many.session -- \
  sh -c 'i=0; while [ $i -lt 20 ]; do /bin/true; i=$((i + 1)); done; exec "$0" 16 900' "$reader"
alone many.session
schema_is many.session 2
expect 0 'report of one process' report many.session
silent err 'report of one process'
expect 0 'record of children alone' record -o none.session -- \
  sh -c 'i=0; while [ $i -lt 20 ]; do /bin/true; i=$((i + 1)); done'
says 'no session was written'
checks=$((checks + 1))
[ "$(echo none.session*)" = 'none.session*' ] || fail 'children without objects left files'

# A child that is killed: its records up to then are in the session.
expect 0 'record with a killed child' record -o killed.session -- \
  sh -c '"$0" 16 60000 & p=$!; "$0" 48 2500; kill -9 $p; wait $p; true' "$reader"
alone killed.session
schema_is killed.session 3
for number in 1 2; do
  expect 0 "report, killed child, $number" report killed.session --process $number --json
  cat err >>said
done
checks=$((checks + 1))
[ "$(grep -c 'not closed in order' said)" = 1 ] || fail 'not exactly one process was cut short'

# A child that goes on when the program has ended: it is left alone, and its file says so.
expect 0 'record with a child left behind' record -o left.session -- \
  sh -c '"$0" 16 6000 2>/dev/null & echo $! >left.pid; "$0" 48 2500; "$0" 32 1500' "$reader"
says 'records on into'
left=$(echo left.session.part-*)
expect 0 'report of those that ended' report left.session --process 1
expect 0 'report of the one that goes on' report "$left" --json
prints '"size_bytes": 16777216'
kill "$(cat left.pid)"

# A parent that dies: each file can be read alone.
mkfifo ready
exec 9<>ready
READS_MEMORY_READY=$work/ready "$terrace" record -o orphan.session -- \
  sh -c '"$0" 16 60000 & "$0" 48 60000 & wait' "$reader" >out 2>err 9>&- &
recorder=$!
pids=()
for _ in 1 2; do
  read -r -t 10 pid <&9 || fail 'a reader never came'
  pids+=("$pid")
done
until_readable orphan.session.part-*
kill -9 $recorder
wait $recorder 2>/dev/null
killed=$recorder
kill "${pids[@]}"
for part in orphan.session.part-*; do
  expect 0 "report of $part" report "$part" --json
  says 'not closed in order'
  private "$part"
done

# Programs that the preload library is not in.
static=$(command -v busybox)
if [ -n "$static" ] && ! ldd "$static" >/dev/null 2>&1; then
  expect 0 'record with a static child' record -o static.session -- \
    sh -c '"$1" true; exec "$0" 16 900' "$reader" "$static"
  alone static.session
  schema_is static.session 2
else
  echo 'skipped: a static child (no static busybox here)'
fi
if [ "$(id -u)" = 0 ]; then
  cp "$reader" privileged && chown nobody privileged && chmod 4755 privileged && chmod 755 .
  expect 0 'record with a set-user-ID child' record -o setuid.session -- \
    sh -c '"$1" 48 300; exec "$0" 16 900' "$reader" ./privileged
  expect 0 'report without the set-user-ID child' report setuid.session --json
  checks=$((checks + 1))
  [ "$(sizes)" = '"size_bytes": 16777216' ] || fail 'a set-user-ID child was recorded'
else
  echo 'skipped: a set-user-ID child (not root)'
fi

# Children that end before anything can be seen: one session all the same, which says what it lacks.
expect 0 'record of short children' record --tiers tiers.toml -o short.session -- \
  sh -c 'for _ in 1 2 3; do "$0" 16 1; done' "$reader"
alone short.session
expect 2 'report of short children' report short.session
says 'none was seen to read anything'
says 'record longer work'

# A child's file that is torn when the session is made of it: what is whole of it is there.
"$terrace" record -o torn.session -- \
  sh -c '"$0" 16 1500; printf torn >>"$(echo torn.session.part-*)"; "$0" 48 1500' \
  "$reader" >out 2>err || fail 'record with a torn file'
says 'cut off'
alone torn.session
expect 0 'report of the torn one' report torn.session --process 1 --json

# A full disk, while two children record and when the session is made.
if unshare -m true 2>/dev/null; then
  cat >on_pages <<'SCRIPT'
mount -t tmpfs -o nr_blocks=2,mode=700 terrace-test "$1" || exit 99
"$2" record --budget 0% -o "$1/s" -- sh -c '"$0" 512 4000 & "$0" 256 4000 & wait' "$3" || exit
ls "$1" >&2
for file in "$1"/s*; do "$2" report "$file" >/dev/null || exit 98; done
SCRIPT
  mkdir page
  checks=$((checks + 1))
  unshare -m bash on_pages page "$terrace" "$reader" >out 2>err || fail "full disk: exit code $?"
  says 'recording ends here'
  says 'stays in files of their own'
else
  echo 'skipped: full disk (no right to mount a small file system)'
fi

# The limit of huge pages was raised when the recorder was killed: a later one has given that back.
checks=$((checks + 1))
! ls /run/terrace/huge-pages/"$killed"-* 2>/dev/null || fail 'huge pages of a killed recorder stay raised'
finish
