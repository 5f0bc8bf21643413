#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# wall_test.sh TERRACE: `terrace wall` from outside: answers, exit codes, messages, files. Prints
# every failed check and ends with their number.
set -u
terrace=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export XDG_CONFIG_HOME=$work/config
unset TERRACE_CONF
cd "$work"
failures=0
checks=0

fail() {
  failures=$((failures + 1))
  echo "FAILED: $1"
  sed 's/^/  stdout: /' out | head -20
  sed 's/^/  stderr: /' err
}
# expect CODE ARGUMENTS...: runs terrace wall.
expect() {
  local code=$1 got=0
  shift
  name="wall $*"
  "$terrace" wall "$@" >out 2>err </dev/null || got=$?
  checks=$((checks + 1))
  [ "$got" -eq "$code" ] || fail "$name: exit code $got, expected $code"
}
says() {
  checks=$((checks + 1))
  grep -qF -- "$1" err || fail "$name: standard error lacks: $1"
}
prints() {
  checks=$((checks + 1))
  grep -qF -- "$1" out || fail "$name: standard output lacks: $1"
}

usual=(--model llama3-8b --quant q4_k_m --machine rtx-4090)

expect 0 "${usual[@]}" --context 8k
for word in 'tokens/s' 'first token' 'bound' 'weights' 'nominal' 'outgrows'; do prints "$word"; done
expect 0 predict "${usual[@]}" --json
prints '"provenance": "predicted"'
expect 0 "${usual[@]}" --context 4k..1M --batch 1..8
prints 'does not fit'
expect 0 names
prints 'deepseek-v3'
prints 'rtx-4090'
expect 0 compare "${usual[@]}" --against m2-ultra --context 1k,8k
prints 'm2-ultra'
expect 0 edge --model llama3-8b --quant q4_0 --machine phone --against h100-sxm --cloud-price 2.5
prints 'sooner'
expect 0 edge --model llama3-8b --quant q4_0 --machine m2-pro --against h100-sxm --cloud-price 2.5 \
  --device-power 40
checks=$((checks + 1))
! grep -q unknown out || fail "$name: a winner is unknown though power and price are given"
expect 0 size --model llama3-8b --quant q4_k_m --speed 20
prints 'yes'
expect 0 --model llama3-70b --quant q4_k_m --machine xeon-8460y+ --cxl 0..2
prints '+ 2 CXL'

# Nothing fits, nothing reaches: 4.
expect 4 --model llama3-70b --machine rtx-4090
says 'needs'
says 'rtx-4090 has'
expect 4 --model llama3-8b --machine ai-pc --context 16M
says 'the largest context that fits is'
expect 4 size --model llama3-70b --speed 1000000
says 'no machine of the catalogue'

# Unknown names get the nearest; bad values say what and where.
expect 2 --model lama3-8b --machine rtx-4090
says 'llama3-8b'
expect 2 --model llama3-8b --machine rtx4090
says 'rtx-4090'
expect 2 --model llama3-8b --machine rtx-4090 --quant q8_1
says 'q8_0'
expect 2 predikt
says 'did you mean "predict"?'
expect 2 --machine rtx-4090
says '--model is missing'
expect 2 "${usual[@]}" --context -4
says '--context'
expect 2 "${usual[@]}" --context 100M
says '--context: 104857600 is outside 1 to'
expect 2 "${usual[@]}" --batch 0
says '--batch: 0 is outside'
expect 2 "${usual[@]}" --cxl 1
says 'CXL'
expect 2 --model llama3-8b --machine xeon-8460y+ --cxl 60
expect 2 edge "${usual[@]}" --against h100-sxm --cloud-price=-1
says '--cloud-price: "-1" is no number above 0'
expect 2 edge "${usual[@]}" --against h100-sxm --network-bandwidth 5
says '--network-bandwidth'
expect 5 "${usual[@]}" --catalogue "$work/none"

# Points.
printf '%s\n' 'hardware,peak_gbps,model,quant,gib,context,tok_s,source' \
  'RTX 4090,1008,llama3-8b,Q4_K_M,4.58,512,130.58,X' \
  'M2 Ultra GPU,800,llama3-8b,F16,14.96,512,36.90,X' >points.csv
expect 0 validate --points points.csv --json
prints '"n": 2'
prints '"mape_pct":'
prints '"worst":'
expect 0 validate --points points.csv --leave-one-hardware-out
expect 1 validate --points points.csv --max-error 0.1%
says 'mean absolute error'
expect 0 validate --points points.csv --refit
prints 'hidden_share'
echo 'RTX 4090,fast,llama3-8b,Q4_K_M,4.58,512,1,X' >>points.csv
expect 2 validate --points points.csv
says 'points.csv:4: peak_gbps is "fast", no number above 0'
expect 5 validate --points none.csv
expect 2 validate
says '--points is missing'

# Files: written whole, never over something foreign.
expect 0 "${usual[@]}" --context 1k..8k --csv sweep.csv
checks=$((checks + 1))
[ "$(wc -l <sweep.csv)" -eq 5 ] || fail 'the CSV has not a header and four lines'
expect 0 "${usual[@]}" --csv sweep.csv
echo weights >model.gguf
expect 2 "${usual[@]}" --csv model.gguf
says '--force'

echo "$checks checks, $failures failed"
[ "$failures" -eq 0 ]
