#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# split_test.sh TERRACE READS_MEMORY: recordings over several files, whole, one by one and damaged.
# Prints every failed check and ends with their number.
# shellcheck disable=SC2016  # the recorded shells expand it
set -u
# shellcheck source=tests/unit/cli/recordings.sh
. "$(dirname "$0")/recordings.sh"

one_fast_tier
record() {
  local code=$1 name=$2
  shift 2
  expect "$code" "$name" record --budget 0% --tiers tiers.toml "$@"
}

# By time: several files, nothing else, each readable, and all of them under the name that was given.
echo 'an older one' >a.000009.session
record 125 'an older file is no session' --split-time 1s -o a.session -- true
says 'a.000009.session'
rm a.000009.session
record 0 'split by time' --split-time 1s -o a.session -- "$reader" 48 4600
row=$(files 'a.0*.session')
holds "$row" -ge 3 'files of the row'
holds "$(files 'a.*')" -eq "$row" 'nothing else lies there'
expect 0 'all by name' report a.session
holds "$(seconds)" -ge 4 'the whole time'
silent err 'all by name'
expect 0 'one alone' report a.000002.session
says "one of $row files of a split recording, read alone; --whole reads all"
holds "$(seconds)" -le 3 'the time of one'
prints '48.0 MiB'
expect 0 'one with all' report --whole a.000002.session --json
silent err 'one with all'
prints '"size_bytes": 50331648'
expect 0 'plan' plan a.session --tiers tiers.toml -o a.json
expect 0 'export of one' export a.000003.session
expect 0 'diff' diff a.session a.session --json
prints '"state": "same"'
# Whether it holds, fails, or there is no step to be seen is up to the machine.
"$terrace" verify a.json --session a.session --margin 100% >out 2>err
code=$?
holds $code -ne 2 'verify of a row'
holds $code -le 3 'verify of a row'

# By whatever names, in a folder; then with what can go wrong.
mkdir row
cp a.000001.session row/z
cp a.000002.session row/y
cp a.000003.session row/x
expect 0 'a folder' report row
says 'goes on after row/x'
rm row/y
expect 0 'a missing file' report row
says 'segment 2 of process'
says 'not found, between row/z and row/x'
cp a.000002.session row/y
cp row/y row/copy
expect 2 'a copy' report row
says 'hold the same segment 2'
rm row/copy
mkdir torn
for number in 1 2 3; do cp "a.00000$number.session" torn; done
head -c 700 a.000002.session >torn/a.000002.session
expect 0 'a damaged file' report torn/a.session
says 'torn/a.000002.session is damaged before its first object'
says 'segment 2 of process'
expect 2 'the damaged file alone' report torn/a.000002.session
record 0 'another recording' --late-size 0 --split-time 1s -o row/b.session -- "$reader" 16 300
expect 2 'a foreign file' report row
says 'is of another recording than'
expect 0 'the foreign one by its name' report row/b.session
mkdir empty
expect 2 'an empty folder' report empty
says 'is a folder without files of a split recording'

# By size, the last few kept; a later recording takes the older one's place.
record 0 'ring' --split-time 1s --split-keep 2 -o a.session -- "$reader" 16 4600
holds "$(files 'a.0*.session')" -eq 2 'files kept'
expect 0 'ring by name' report a.session
silent err 'ring by name'
record 0 'split by size' --split-size 16K -o c.session -- sh -c \
  'for i in 1 2 3; do "$0" 1500 1000 & done; wait' "$reader"
expect 0 'split by size, read' report c.session

# Several processes: each has its own row, and the last file holds the end of both.
record 0 'two processes' --split-time 1s -o two.session -- \
  sh -c '"$0" 48 3500 & "$0" 16 3500 & wait' "$reader"
holds "$(files 'two.0*.session')" -ge 5 'files of two processes'
for number in 1 2; do
  expect 0 "process $number" report two.session --process $number
  silent err "process $number"
  holds "$(seconds)" -ge 3 "the whole time of process $number"
done

# A program that is killed when two files are closed: each is whole, and the last one is used up to
# its end.
mkfifo closed
"$terrace" record -v --budget 0% --tiers tiers.toml --split-time 1s -o k.session -- sh -c \
  '"$0" 16 120000 & read -r _ <closed; kill -9 $!; kill -9 $$' "$reader" \
  2> >({ grep -m 1 -F 'k.000002.session: closed' >closed; cat; } >/dev/null)
holds $? -eq 137 'exit code of a killed program'
holds "$(files 'k.0*.session')" -ge 3 'files of a killed program'
expect 0 'one of a killed program' report k.000001.session
expect 0 'all of a killed program' report k.session
says 'was not closed in order'

record 125 'keep without split' --split-keep 3 -o d.session -- true
says 'add --split-size or --split-time'
record 125 'too short a time' --split-time 10ms -o d.session -- true
says 'write 1s or more'
record 125 'too small a size' --split-size 1K -o d.session -- true
says 'write 16K or more'
finish
