#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# terrace_test.sh TERRACE SOURCE_DIR: the built executable from outside: exit codes, messages, what
# it leaves behind. Prints every failed check and ends with their number.
set -u
terrace=$1
source=$2
# shellcheck source=tests/unit/cli/own_folders.sh
. "$(dirname "$0")/own_folders.sh"
mkdir -p "$XDG_CONFIG_HOME/terrace" "$work/project"
# shellcheck source=tests/unit/cli/checks.sh
. "$(dirname "$0")/checks.sh"
cd "$work/project"

# Wrapper verbs return the program's code.
expect 0 'run true' run -- true
silent err 'run true'
expect 1 'run false' run false
expect 7 'run exit 7' run -- sh -c 'exit 7'
expect 143 'run killed by TERM' run -- sh -c 'kill -TERM $$'
expect 127 'run not found' run -- "$work/none"
says 'No such file'
expect 126 'run not executable' run -- "$work"
says 'Permission denied'
expect 3 'record exit 3' record -o "$work/r.session" -- sh -c 'exit 3'
expect 0 'run passes arguments on' run --policy none echo --policy -v
prints '--policy -v'

# Usage errors: 125 under a wrapper verb, since 2 may be the program's own code, and 2 elsewhere.
expect 125 'run unknown option' run --polcy none -- true
says 'did you mean --policy?'
expect 125 'run bad value' run --threshold 4lemons -- true
says '--threshold: "4lemons"'
expect 125 'run without a program' run
expect 2 'unknown verb' reprot
says 'did you mean "report"?'
expect 2 'no verb'
expect 2 'unknown option' topo --jsn
says 'did you mean --json?'
expect 2 'report without a session' report
expect 5 'report of no file' report "$work/none.session"
expect 2 'report of a foreign file' report "$terrace"
expect 5 'verify of no plan' verify "$work/none.json" --session "$work/none.session"

# Rules and the plan in force are checked before anything is planned.
expect 2 'plan with a rule that is none' plan "$work/none.session" --pin weights
says '--pin: "weights" is no rule; write OBJECTS=TIER'
expect 2 'plan with a horizon without its unit' plan "$work/none.session" --horizon 60
says '--horizon: "60"'
expect 0 'help of plan' help plan
prints '--from PLAN'
prints '--forbid RULES'

# A missing plan: one warning and the program runs; strict stops before it.
expect 0 'missing plan' run --plan "$work/none.json" -- echo ran
prints 'ran'
says 'runs unplaced'
checks=$((checks + 1))
[ "$(wc -l <"$work/err")" -eq 1 ] || fail 'missing plan: not one line of warning'
expect 125 'missing plan, strict' run --strict --plan "$work/none.json" -- echo ran
silent out 'missing plan, strict'
echo '{"schema_version": 99}' >"$work/bad.json"
expect 0 'plan of another schema' run --plan "$work/bad.json" -- echo ran
says 'runs unplaced'
expect 0 'missing tier file' run --tiers "$work/none.toml" -- echo ran
says 'runs unplaced'

# Configuration: files, then the environment, then flags.
echo 'polcy = "none"' >.terrace.toml
expect 2 'unknown key in a file' topo
says '.terrace.toml:1: unknown key "polcy"; did you mean "policy"?'
expect 0 'the same under run' run -- echo ran
says 'runs unplaced'
prints 'ran'
expect 125 'the same under strict run' run --strict -- echo ran
silent out 'the same under strict run'
echo 'strict = true' >.terrace.toml
expect 125 'strict from the project file' run --plan "$work/none.json" -- true
TERRACE_CONF=strict:false expect 0 'the environment over it' run --plan "$work/none.json" -- true
TERRACE_CONF=strict:false expect 125 'a flag over both' run --strict --plan "$work/none.json" -- true
rm .terrace.toml
echo 'bind = "hard"' >"$XDG_CONFIG_HOME/terrace/config.toml"
expect 2 'bad value in the user file' topo
says 'config.toml:1: bind: "hard" is none of off, advisory, strict'
rm "$XDG_CONFIG_HOME/terrace/config.toml"
TERRACE_CONF=treshold:1M expect 2 'unknown key in the environment' topo
says 'TERRACE_CONF: unknown key "treshold"; did you mean "threshold"?'

# --json: one document that begins alike, nothing else, whatever -v says.
printf '%s\n' '{"timestamp": 0, "input_length": 1024, "output_length": 9, "hash_ids": [1, 2]}' \
  '{"timestamp": 1, "input_length": 1500, "output_length": 9, "hash_ids": [1, 2, 3]}' >"$work/kv.jsonl"
model='--model llama3-8b --machine rtx-4090'
for words in topo doctor status 'simulate --workload zipf --steps 8' 'wall names' "wall $model"; do
  # shellcheck disable=SC2086  # words of a command
  expect 0 "$words --json -v" $words --json -v
  checks=$((checks + 1))
  head=$(grep -o '^  "[a-z_]*"' "$work/out" | head -n 5 | tr -d ' "' | tr '\n' ' ')
  [ "$head" = 'schema_version kind producer machine_id emulated ' ] ||
    fail "$words --json begins with: $head"
done

# On a terminal or with -v a verb says what comes next; -q leaves it out.
expect 0 'doctor leads on' doctor -v
says 'terrace: next: terrace topo'
expect 0 'topo leads on' topo -v
says 'terrace: next: terrace '
expect 0 'topo -q does not' topo -q
silent err 'topo -q'

# Errors: place, what is wrong, what to do; a named file that is not there is 5.
for words in 'report none.session' 'verify none.json' 'topo --tiers none.toml' \
  'topo --calibration none.json' 'topo --json --calibration none.json' \
  'export none.session' 'wall validate --points none.csv' 'simulate kv --trace none.jsonl'; do
  # shellcheck disable=SC2086  # words of a command
  expect 5 "$words" $words
  says "terrace: ${words##* }: "
  says ': No such file or directory'
done
expect 2 'completion of no shell' completion
says 'no shell given; write terrace completion bash'
expect 2 'diff of what is no session' diff "$work/kv.jsonl" "$work/kv.jsonl"
says "terrace: $work/kv.jsonl is no session file"
expect 2 'json and a bad tier file' topo --json --tiers "$work/bad.json"
silent out 'json and a bad tier file'
expect 2 'topo and a file that is no calibration' topo --calibration "$work/bad.json"
says "terrace: $work/bad.json: torn or not a calibration"
expect 125 'strict run and no calibration' run --strict --calibration none.json -- true
says 'terrace: none.json: the calibration cannot be read: No such file or directory; check its path'
expect 0 'calibrate writes the file that is named' calibrate --quick --calibration figures.json
expect 0 'topo takes its figures' topo --calibration figures.json
prints '(calibrated)'

# simulate: all input is checked before the first step, and the figures say what they are.
expect 0 'simulate' simulate --workload dense --steps 8 --policies first-touch,plan
prints 'offline optimum'
prints 'simulated'
expect 0 'simulate placement, all policies, json' simulate placement --workload zipf --steps 8 \
  --all-policies --json
prints '"provenance": "simulated"'
prints '"name": "online"'
expect 2 'unknown workload' simulate --workload zpif
says 'unknown workload "zpif"; did you mean "zipf"?'
expect 2 'unknown policy' simulate --policies lru,onlin
says 'unknown policy "onlin"; did you mean "online"?'
expect 2 'a policy twice' simulate --policies lru,lru
says 'named twice'
expect 2 'policies and all of them' simulate --policies lru --all-policies
expect 2 'no fast tier' simulate --fast 0%
says '--fast: "0%" is no share of the workload'
expect 2 'more than the workload' simulate --fast 120%
expect 2 'no slow tier' simulate --slow-ratio 0
says '--slow-ratio'
expect 2 'too few steps' simulate --steps 3
# simulate kv
expect 0 'kv, json' simulate kv --trace "$work/kv.jsonl" --format mooncake --blocks 4,8 \
  --policy lru,opt --json
prints '{"blocks":4,"policy":"lru","hit":0.4,'
prints '{"blocks":8,"policy":"opt","hit":0.4,'
expect 0 'kv, text' simulate kv --trace "$work/kv.jsonl" --blocks 4 --policy all
prints 'terrace'
expect 0 'kv, weighed by cost' simulate kv --trace "$work/kv.jsonl" --blocks 4 --policy terrace \
  --cost model --json
prints '"cost":"model"'
prints '"saved":0.'
expect 2 'unknown cost' simulate kv --trace "$work/kv.jsonl" --cost modle
says 'did you mean "model"?'
expect 2 'kv without a trace' simulate kv
expect 2 'no blocks' simulate kv --trace "$work/kv.jsonl" --blocks 0
expect 2 'more blocks than a number holds' simulate kv --trace "$work/kv.jsonl" --blocks 5000000000
expect 2 'unknown kv policy' simulate kv --trace "$work/kv.jsonl" --policy terace
expect 2 'unknown trace format' simulate kv --trace "$work/kv.jsonl" --format mooncaek
printf '%s\n' '{"timestamp": 0, "input_length": 10, "output_length": 9}' >"$work/nohash.jsonl"
expect 2 'a request without hashes' simulate kv --trace "$work/nohash.jsonl"
expect 2 'unknown subject' simulate plcement
says 'did you mean "placement"?'
expect 2 'a workload as argument' simulate moe
says '--workload'
expect 5 'trace that is not there' simulate --workload "$work/none.csv"
printf 'TIMESTAMP,ContextTokens,GeneratedTokens\nt,100,5\nt,oops,5\n' >"$work/bad.csv"
expect 2 'broken trace' simulate --workload "$work/bad.csv"
says 'bad.csv:3: ContextTokens "oops"'
expect 5 'session that is not there' simulate --workload "$work/none.session"

# An output that would cost somebody a file is refused.
echo 'weights' >"$work/model.gguf"
expect 125 'record over a model' record -o "$work/model.gguf" -- true
says '--force'
checks=$((checks + 1))
[ "$(cat "$work/model.gguf")" = weights ] || fail 'record over a model: it is gone'

# A signal sent to terrace reaches the program, and terrace tidies up after it.
mkfifo "$work/ready"
"$terrace" run -- sh -c 'trap "exit 9" TERM; echo > "$0"; while :; do read -r x < /proc/uptime; done' \
  "$work/ready" >"$work/out" 2>"$work/err" &
pid=$!
read -r _ <"$work/ready"
kill -TERM "$pid"
code=0
wait "$pid" || code=$?
checks=$((checks + 1))
[ "$code" -eq 9 ] || fail "TERM passed on: exit code $code, expected 9"

# Help, version, documentation.
expect 0 'version' --version
prints 'terrace '
expect 0 'help' help
prints '  completion print'
prints '  terrace verify plan.json --session b.session'
checks=$((checks + 1))
way=$(grep -o '^  terrace [a-z]*' "$work/out" | cut -d ' ' -f 4 | tr '\n' ' ')
[ "$way" = 'record report plan run verify ' ] || fail "help shows this way: $way"
prints 'calibrate'
expect 0 'help of a verb' help run
prints '--huge-pages'
for pair in options.md:--markdown terrace.1:--man; do
  expect 0 "options ${pair#*:}" options "${pair#*:}"
  checks=$((checks + 1))
  cmp -s "$work/out" "$source/docs/${pair%%:*}" || {
    echo "FAILED: docs/${pair%%:*} is not what 'terrace options ${pair#*:}' prints"
    failures=$((failures + 1))
  }
done

# Completion: what bash offers for a line and the word under the cursor, which is its last.
completed() {
  local expected=$1
  shift
  local offered
  offered=$(
    source "$work/completion"
    compopt() { :; }
    COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
    _terrace
    echo " ${COMPREPLY[*]} "
  )
  checks=$((checks + 1))
  [[ $offered == *" $expected "* ]] || {
    echo "FAILED: completion of '$*': no $expected in:$offered"
    failures=$((failures + 1))
  }
}
expect 0 'completion bash' completion bash
cp "$work/out" "$work/completion"
completed 'record report' terrace re
completed '--version' terrace --v
completed 'calibrate' terrace help cal
completed '--strict' terrace run --stri
completed 'validate' terrace wall va
completed 'first-touch' terrace run --policy fi
completed 'true' terrace run -- tru
expect 2 'completion of another shell' completion tcsh
expect 2 'completion of no shell' completion

checks=$((checks + 1))
left=$(ls -A "$TMPDIR")
[ -z "$left" ] || { echo "FAILED: left behind in TMPDIR: $left"; failures=$((failures + 1)); }

finish
