#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# run.sh [--build DIR] [VERB...]: the verbs of terrace under valgrind's memcheck, with inputs that are
# real (a session recorded here, its plan, a small GGUF, request traces, the fuzzers' corpus) and with
# bad ones. A failed check is an error or a definite leak, or another exit code than the verb's own.
# Minutes; not part of tests/run.sh. Prints each failed check and ends with their number.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
build=$root/build/release
verbs=()
while [ $# -gt 0 ]; do
  case $1 in
    --build)
      [ $# -ge 2 ] || { echo 'run.sh: --build needs a folder' >&2; exit 2; }
      build=$(realpath -e "$2")
      shift ;;
    -*) sed -n '3,6p' "$0" | cut -c3- >&2; exit 2 ;;
    *) verbs+=("$1") ;;
  esac
  shift
done
for tool in valgrind pgrep; do
  command -v $tool >/dev/null || { echo "skipped: no $tool"; exit 77; }
done
terrace=$build/terrace
# shellcheck source=tests/unit/cli/own_folders.sh
. "$root/tests/unit/cli/own_folders.sh"
under_way=   # the program that `status` asks
trap 'if [ -n "$under_way" ]; then kill "$under_way" || true; fi; rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
cd "$work"
corpus=$root/tests/fuzz/corpus
failed=0
checks=0

# check CODES ARGUMENTS...: exit code 99 is valgrind's; CODES, as 0 or 0|3, are the verb's own.
check() {
  local codes=$1 got=0
  shift
  checks=$((checks + 1))
  valgrind -q --error-exitcode=99 --leak-check=full --show-leak-kinds=definite \
    --errors-for-leak-kinds=definite --num-callers=30 \
    --log-file="$work/valgrind.%p" "$terrace" "$@" >out 2>err </dev/null || got=$?
  # A child before its exec is a copy of the parent, whose memory nobody frees there.
  if [[ "|$codes|" == *"|$got|"* ]]; then rm -f valgrind.*; return; fi
  failed=$((failed + 1))
  echo "FAILED: terrace $*: exit code $got, expected $codes"
  cat valgrind.* 2>/dev/null | head -n 80 || true
  head -c 2000 err
  rm -f valgrind.*
}

# What the checks read: sessions over two tiers, one of them split, a plan, a model, and bad ones of each.
make_inputs() {
  cat >tiers.toml <<'TOML'
only = true
[[tier]]
name = "fast"
kind = "dram"
nodes = [0]
capacity = "32MiB"
bandwidth = "10GB/s"
latency = "100ns"
[[tier]]
name = "slow"
kind = "cxl"
backing = "emulated"
nodes = [0]
capacity = "1GB"
bandwidth = "4GB/s"
latency = "250ns"
TOML
  "$build/make_model" --shape tiny --quant q4_0 -o model.gguf >/dev/null
  "$terrace" record -q --tiers tiers.toml -o a.session -- "$build/tests/reads_memory" 64 1500
  "$terrace" record -q --tiers tiers.toml -o b.session -- "$build/tests/reads_memory" 64 1500
  "$terrace" record -q --tiers tiers.toml --split-time 1s -o split.session -- "$build/tests/reads_memory" 64 2500
  "$terrace" plan -q a.session --tiers tiers.toml -o plan.json
  head -c 3000 a.session >cut.session
  tr '\000' '\377' <a.session >damaged.session
  head -c 300 model.gguf >cut.gguf
  printf '{"schema_version": 1' >bad.json
  printf 'only = true\n[[tier]]\nname = 7\n' >bad.toml
  printf 'a,b\n1,2\n' >bad.csv
}

of_doctor() { check 0 doctor; check 0 doctor --json; check '0|3' doctor --check; check 2 doctor --jsn; }
of_topo() {
  check 0 topo
  check 0 topo --json --tiers tiers.toml
  check 2 topo --tiers bad.toml
  check '2|5' topo --tiers none.toml
}
of_calibrate() {
  check 0 calibrate --quick --tiers tiers.toml --calibration calibration.json
  check 0 topo --tiers tiers.toml --calibration calibration.json
  check 0 topo --calibration bad.json # told, and left out
}
of_record() {
  check 0 record --tiers tiers.toml -o c.session -- "$build/tests/reads_memory" 16 300
  check 0 record --tiers tiers.toml --split-time 1s --split-keep 1 -o d.session -- "$build/tests/reads_memory" 16 1500
  check 7 record -o e.session -- sh -c 'exit 7'
  check 127 record -o f.session -- ./none
  check 125 record -p 1x -o g.session
  check 2 record -p 999999999 -o g.session
  check 125 record --source none -o g.session -- true
}
of_run() {
  check 0 run --tiers tiers.toml --plan plan.json --status status.json -v -- "$build/tests/reads_memory" 64 300
  check 0 run --tiers tiers.toml --record r.session -- "$build/tests/reads_memory" 16 300
  check 0 run --plan bad.json -- true
  check 125 run --strict --plan bad.json -- true
  check 125 run --tiers bad.toml --strict -- true
  check 143 run -- sh -c 'kill -TERM $$'
}
of_report() {
  check 0 report a.session
  check 0 report a.session --json
  check 0 report a.session --plan plan.json --session b.session --html report.html
  check 0 report a.session --model model.gguf
  check 0 report split.session
  check 2 report damaged.session
  check '0|2|3' report cut.session
  check 2 report model.gguf
  check 5 report none.session
  check '2|5' report a.session --model cut.gguf -f
  local file
  for file in "$corpus"/session/* "$corpus"/segments/*; do check '0|2|3|5' report "$file"; done
  for file in "$corpus"/gguf/* "$corpus"/safetensors/*; do check '0|2|3|5' report a.session --model "$file"; done
}
of_plan() {
  check 0 plan a.session --tiers tiers.toml -o plan2.json --flat plan.flat
  check 0 plan a.session --tiers tiers.toml --json --from plan.json --horizon 10s
  check '0|4' plan a.session --tiers tiers.toml --pin 'class:heap=slow' --headroom 10%
  check 2 plan a.session --tiers tiers.toml --pin 'class:heap=nowhere'
  check 2 plan a.session --tiers tiers.toml --from bad.json
  check 2 plan damaged.session
  check '0|2|3|4' plan cut.session --tiers tiers.toml
  local file
  for file in "$corpus"/plan_json/*; do check '0|2|4' plan a.session --tiers tiers.toml --from "$file"; done
}
of_verify() {
  check '0|1|3' verify plan.json --session b.session
  check '0|1|3' verify plan.json --session b.session --json
  check 2 verify bad.json --session b.session
  check 2 verify plan.json --session damaged.session
  local file
  for file in "$corpus"/plan_json/*; do check '0|1|2|3' verify "$file" --session b.session; done
}
of_export() {
  local format table
  for format in json perfetto pprof; do check 0 export --format $format a.session; done
  for table in heat objects steps tiers costs; do check 0 export --format csv --table $table a.session; done
  check 0 export --whole split.session -o split.json
  check 2 export damaged.session
  check 2 export --format cvs a.session
}
of_diff() {
  check 0 diff a.session b.session
  check 0 diff a.session b.session --json
  check 2 diff a.session damaged.session
  check 5 diff a.session none.session
}
of_status() {
  "$terrace" run --tiers tiers.toml -- "$build/tests/reads_memory" 64 60000 &
  under_way=$!
  local pid status=0
  until pid=$(pgrep -P $under_way) && "$terrace" status "$pid" >/dev/null 2>&1; do kill -0 $under_way; done
  check 0 status
  check 0 status "$pid"
  check 0 status "$pid" --json
  check 0 top "$pid" --once
  check 0 top "$pid" --json
  check '0|3' record -p "$pid" --duration 2s -o running.session
  check 2 status 999999999
  check 2 top 999999999 --once
  check 2 status 12x
  kill "$pid"
  wait $under_way || status=$?
  under_way=
  [ $status -eq 143 ] || { echo "terrace run: exit code $status, expected 143" >&2; return 1; }
}
of_simulate() {
  check 0 simulate --workload dense --steps 40
  check 0 simulate --workload moe --steps 40 --json
  check 0 simulate --workload a.session --steps 20 --tiers tiers.toml
  check 0 simulate kv --trace "$corpus/trace/prefixes.jsonl" --blocks 50
  check 0 simulate kv --trace "$corpus/trace/returns.csv" --blocks 50 --cost model --json
  check '0|2|4' simulate kv --trace "$corpus/trace/extremes.jsonl" --blocks 50
  check 2 simulate kv --trace "$corpus/trace/empty.jsonl"
  check 2 simulate kv --trace bad.csv
  check 2 simulate --workload nothing
  check 2 simulate --policies nothing
  if [ -z "${TERRACE_TRACES:-}" ]; then
    echo 'simulate: skipped: a real trace (TERRACE_TRACES names no folder)'
    return
  fi
  head -n 300 "$TERRACE_TRACES/mooncake_conversation.jsonl" >some.jsonl
  check 0 simulate kv --trace some.jsonl --blocks 1000 --policy lru,terrace,opt
}
of_wall() {
  check 0 wall --model llama3-70b --quant q4_k_m --machine xeon-8460y+ --context 4k..16k --cxl 0..2 --html wall.html --csv wall.csv
  check 0 wall --model model.gguf --machine xeon-8460y+ --json
  check 0 wall compare --model llama3-8b --machine gh200 --against xeon-8460y+
  check 0 wall edge --model llama3-8b --machine xeon-8460y+ --against gh200
  check '0|4' wall size --model llama3-8b --users 4 --speed 10
  check 0 wall names
  check 2 wall validate --points bad.csv
  check 2 wall --model nothing --machine gh200
  check 2 wall --model cut.gguf --machine gh200
  check 2 wall --model llama3-8b --machine nothing
  check 2 wall --model llama3-8b --machine gh200 --context 4x
  local file
  for file in "$corpus"/gguf/* "$corpus"/safetensors/*; do check '0|2|4|5' wall --model "$file" --machine gh200; done
}
of_completion() { check 0 completion bash; check 2 completion csh; check 0 help; check 0 help plan; check 0 --version; check 2 nothing; check 2; }

all=(doctor topo calibrate record run report plan verify export diff status simulate wall completion)
[ ${#verbs[@]} -gt 0 ] || verbs=("${all[@]}")
for verb in "${verbs[@]}"; do
  declare -F "of_$verb" >/dev/null || { echo "run.sh: $verb: one of ${all[*]}" >&2; exit 2; }
done
make_inputs
for verb in "${verbs[@]}"; do
  before=$checks
  "of_$verb"
  echo "$verb: $((checks - before)) checks"
done
echo "$checks checks, $failed failed"
[ "$failed" -eq 0 ]
