#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# sessions_test.sh TERRACE READS_MEMORY: sessions of a real program, and what the command line makes
# of them, good and bad. Prints every failed check and ends with their number.
set -u
# shellcheck source=tests/unit/cli/recordings.sh
. "$(dirname "$0")/recordings.sh"

expect 0 'record' record -o a.session -- "$reader" 48 2500
exists a.session
private a.session
schema_is a.session 2
alone a.session

# What comes next, from the session to a plan that is held against a run.
expect 0 'report leads to a plan' report a.session -v
says 'terrace: next: terrace plan a.session -o plan.json'
expect 0 'report, JSON' report a.session --json
checks=$((checks + 1))
head=$(grep -o '^  "[a-z_]*"' out | head -n 5 | tr -d ' "' | tr '\n' ' ')
[ "$head" = 'schema_version kind producer machine_id emulated ' ] || fail "report --json begins with: $head"
one_fast_tier
expect 0 'record on one tier' record --tiers tiers.toml -o one.session -v -- "$reader" 48 1200
says 'session in one.session; next: terrace report one.session'
expect 0 'plan leads to a run' plan one.session --tiers tiers.toml -o next.json -v
says 'plan in next.json; next: terrace run --plan next.json --record b.session -- PROGRAM'
expect 0 'run leads to verify' run --tiers tiers.toml --plan next.json --record next.session -v -- \
  "$reader" 48 1200
says 'session in next.session; next: terrace verify next.json --session next.session'

# export: each format to standard output and to a file, and what must be refused.
expect 0 'export, JSON' export a.session
prints '"kind": "session-export"'
prints '"size_bytes": 50331648'
expect 0 'export, CSV' export a.session --format csv
prints 'begin_seconds,end_seconds,object,site'
checks=$((checks + 1))
[ "$(wc -l <out)" -ge 2 ] || fail 'export, CSV: no row of heat'
for table in objects tiers costs; do
  expect 0 "export, table $table" export a.session --format csv --table "$table"
  checks=$((checks + 1))
  [ "$(wc -l <out)" -ge 2 ] || fail "export, table $table: no row"
done
expect 0 'export, trace' export a.session --format perfetto -o a.trace
exists a.trace
checks=$((checks + 1))
grep -q '"ph":"C","name":"tier ' a.trace || fail 'export, trace: no counter of a tier'
expect 0 'export, profile' export a.session --format pprof -o a.pb.gz
checks=$((checks + 1))
gunzip -c a.pb.gz | grep -qa heat_per_second || fail 'export, profile: not a gzipped profile'
if command -v python3 >"$work/python"; then
  for file in a.json:json a.trace:perfetto; do
    expect 0 "export to ${file%%:*}" export a.session --format "${file#*:}" -o "${file%%:*}" --force
    checks=$((checks + 1))
    python3 -c 'import json, sys; json.load(open(sys.argv[1]))' "${file%%:*}" ||
      fail "${file%%:*} is no JSON"
  done
fi
expect 2 'export, table of JSON' export a.session --table steps
says '--format csv'
expect 2 'export, unknown format' export a.session --format perfeto
says 'did you mean "perfetto"?'
expect 2 'export of nothing' export
expect 5 'export of no file' export none.session
expect 2 'export of a foreign file' export "$terrace"
says 'wrong magic at offset 0'
echo 'weights' >model.gguf
expect 2 'export over a model' export a.session -o model.gguf
says '--force'
expect 5 'export to a full disk' export a.session -o /dev/full
says 'No space left'
"$terrace" export a.session >/dev/full 2>err
code=$?
checks=$((checks + 1))
[ "$code" -eq 5 ] || fail "export to a full standard output: exit code $code, expected 5"

# Names: the process, the host, a free number; and what is no name.
expect 0 'record, named by process and host' record -o '%h-%p-%n.session' -- "$reader" 8 600
named=$(find . -name "$(hostname -s)-*-0.session")
checks=$((checks + 1))
[ -n "$named" ] || fail 'no session has the name of host and process'
expect 0 'report of a named session' report "${named#./}"
expect 0 'record, the next number' record -o 's%n.session' -- "$reader" 8 600
expect 0 'record, the next number' record -o 's%n.session' -- "$reader" 8 600
exists s0.session
exists s1.session
expect 125 'record, unknown part of a name' record -o 'a%d.session' -- "$reader" 8 600
says 'character 2'

# A recording that ends before its program, which must not notice.
expect 0 'record for a while' record --duration 700ms -o short.session -- "$reader" 48 3000
says 'the program goes on'
expect 0 'report of a short recording' report short.session --json
checks=$((checks + 1))
awk -F'[:,]' '/"recorded_seconds"/ { exit !($2 < 2.0) }' out || fail 'recorded for longer than asked'

# top: the heat of a program while it is recorded.
# Nobody is told when the recording has seen enough of it, so top is asked again.
start 48 20000 record -f -o live.session
for ((i = 0; i < 40; ++i)); do
  "$terrace" top "$pid" --json --interval 500ms >out 2>err && grep -q "\"hottest\": \[$" out && break
done
checks=$((checks + 3))
[ "$i" -lt 40 ] || fail "top of a recorded program: nothing is hot"
grep -qE "^ *\"bytes_per_second\": [1-9][0-9]{7}" out || fail "top of a recorded program: less than 10 MB/s are read"
grep -qE "\"bandwidth_from\": \"recording\"" out || fail "top of a recorded program: no bandwidth"
expect 0 "top of a recorded program, as text" top "$pid" --once --interval 100ms
prints "hottest"
prints "~"
kill "$pid"
wait "$job"

# A killed program: nobody knows whether the file is still written to, so it stays as it is.
# shellcheck disable=SC2016  # the recorded shell expands it
expect 137 'record of a killed program' record -o killed.session -- \
  "$reader" 48 2000 sh -c 'kill -9 $PPID'
expect 0 'report of a killed program' report killed.session
says 'not closed in order'
schema_is killed.session 1

# A full disk: one page for the session. The first recording outgrows it, the second leaves no page
# for the compressed file. The program notices neither.
if unshare -m true 2>/dev/null; then
  cat >on_one_page <<'SCRIPT'
mount -t tmpfs -o nr_blocks=1,mode=700 terrace-test "$1" || exit 99
"$2" record -o "$1/s" -- "$3" "$4" "$5" || exit
"$2" report "$1/s" || exit 98
cp "$1/s" "$6" && [ "$(ls "$1")" = s ] || exit 97
SCRIPT
  mkdir page
  run_on_page() {
    local code=0
    checks=$((checks + 1))
    unshare -m bash on_one_page page "$terrace" "$reader" "$2" "$3" kept >out 2>err || code=$?
    [ "$code" -eq 0 ] || fail "$1: exit code $code"
  }
  run_on_page 'recording onto a full disk' 512 5000
  says 'recording ends here'
  says 'not closed in order'
  run_on_page 'compressing onto a full disk' 8 1500
  says 'stays uncompressed'
else
  echo 'skipped: full disk (no right to mount a small file system)'
fi

# diff: a session with itself, with another program's, and what cannot be compared.
expect 0 'diff with itself' diff a.session a.session --json
prints '"kind": "diff"'
prints '"state": "same"'
expect 0 'diff, text' diff a.session short.session
prints 'step  '
expect 2 'diff of one session' diff a.session
says 'terrace diff BEFORE AFTER'
expect 5 'diff with no file' diff a.session none.session
says 'none.session'
# Names: rules over call-sites, and model files that do not fit or are none.
printf '[[site]]\nname = "my cache {n}"\nclass = "kv"\nmodule = "reads_memory"\nmin-size = "1M"\n' >rules.toml
expect 0 'report, own site rules' report a.session --site-rules rules.toml
prints 'my cache 0'
expect 0 'report, own site rules, JSON' report a.session --site-rules rules.toml --json
prints '"how": "site-rule"'
one_fast_tier
expect 0 'record, own site rules' \
  record --tiers tiers.toml -o named.session --site-rules rules.toml -- "$reader" 48 1500
expect 0 'report, names in the session' report named.session
prints 'my cache 0'
expect 0 'plan, names' plan named.session --tiers tiers.toml
prints 'By name:'
prints 'kv '
sed -i 's/"kv"/"kvv"/' rules.toml
expect 2 'report, misspelt class' report a.session --site-rules rules.toml
says 'rules.toml:3'
says 'did you mean "kv"?'
expect 5 'report, no such rules' report a.session --site-rules none.toml
expect 5 'report, no such model' report a.session --model none.gguf
expect 2 'report, a model that is none' report a.session --model model.gguf
expect 0 'record, a model that is none' record -o b.session -- "$reader" 48 300 "$(command -v true)" model.gguf

finish
