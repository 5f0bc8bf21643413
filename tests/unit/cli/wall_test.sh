#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# wall_test.sh TERRACE: `terrace wall` from outside: answers, exit codes, messages, files. Prints
# every failed check and ends with their number.
set -u
terrace=$1
# shellcheck source=tests/unit/cli/own_folders.sh
. "$(dirname "$0")/own_folders.sh"
# shellcheck source=tests/unit/cli/checks.sh
. "$(dirname "$0")/checks.sh"
cd "$work" || exit 1

# wall CODE ARGUMENTS...: runs terrace wall.
wall() {
  local code=$1
  shift
  expect "$code" "wall $*" wall "$@"
}

usual=(--model llama3-8b --quant q4_k_m --machine rtx-4090)

wall 0 "${usual[@]}" --context 8k
for word in 'tokens/s' 'first token' 'bound' 'weights' 'nominal' 'outgrows'; do prints "$word"; done
wall 0 predict "${usual[@]}" --json
prints '"provenance": "predicted"'
wall 0 "${usual[@]}" --context 4k..1M --batch 1..8
prints 'does not fit'
wall 0 names
prints 'deepseek-v3'
prints 'rtx-4090'
wall 0 compare "${usual[@]}" --against m2-ultra --context 1k,8k
prints 'm2-ultra'
wall 0 edge --model llama3-8b --quant q4_0 --machine phone --against h100-sxm --cloud-price 2.5
prints 'sooner'
wall 0 edge --model llama3-8b --quant q4_0 --machine m2-pro --against h100-sxm --cloud-price 2.5 \
  --device-power 40
checks=$((checks + 1))
! grep -q unknown out || fail 'a winner is unknown though power and price are given'
wall 0 size --model llama3-8b --quant q4_k_m --speed 20
prints 'yes'
wall 0 --model llama3-70b --quant q4_k_m --machine xeon-8460y+ --cxl 0..2
prints '+ 2 CXL'

# Nothing fits, nothing reaches: 4.
wall 4 --model llama3-70b --machine rtx-4090
says 'needs'
says 'rtx-4090 has'
wall 4 --model llama3-8b --machine ai-pc --context 16M
says 'the largest context that fits is'
wall 4 size --model llama3-70b --speed 1000000
says 'no machine of the catalogue'

# Unknown names get the nearest; bad values say what and where.
wall 2 --model lama3-8b --machine rtx-4090
says 'llama3-8b'
wall 2 --model llama3-8b --machine rtx4090
says 'rtx-4090'
wall 2 --model llama3-8b --machine rtx-4090 --quant q8_1
says 'q8_0'
wall 2 predikt
says 'did you mean "predict"?'
wall 2 --machine rtx-4090
says '--model is missing'
wall 2 "${usual[@]}" --context -4
says '--context'
wall 2 "${usual[@]}" --context 100M
says '--context: 104857600 is outside 1 to'
wall 2 "${usual[@]}" --batch 0
says '--batch: 0 is outside'
wall 2 "${usual[@]}" --cxl 1
says 'CXL'
wall 2 --model llama3-8b --machine xeon-8460y+ --cxl 60
wall 2 edge "${usual[@]}" --against h100-sxm --cloud-price=-1
says '--cloud-price: "-1" is no number above 0'
wall 2 edge "${usual[@]}" --against h100-sxm --network-bandwidth 5
says '--network-bandwidth'
wall 5 "${usual[@]}" --catalogue "$work/none"

# Points.
printf '%s\n' 'hardware,peak_gbps,model,quant,gib,context,tok_s,source' \
  'RTX 4090,1008,llama3-8b,Q4_K_M,4.58,512,130.58,X' \
  'M2 Ultra GPU,800,llama3-8b,F16,14.96,512,36.90,X' >points.csv
wall 0 validate --points points.csv --json
prints '"n": 2'
prints '"mape_pct":'
prints '"worst":'
wall 0 validate --points points.csv --leave-one-hardware-out
wall 1 validate --points points.csv --max-error 0.1%
says 'mean absolute error'
wall 0 validate --points points.csv --refit
prints 'hidden_share'
echo 'RTX 4090,fast,llama3-8b,Q4_K_M,4.58,512,1,X' >>points.csv
wall 2 validate --points points.csv
says 'points.csv:4: peak_gbps is "fast", no number above 0'
wall 5 validate --points none.csv
wall 2 validate
says '--points is missing'

# Files: written whole, never over something foreign.
wall 0 "${usual[@]}" --context 1k..8k --csv sweep.csv
checks=$((checks + 1))
[ "$(wc -l <sweep.csv)" -eq 5 ] || fail 'the CSV has not a header and four lines'
wall 0 "${usual[@]}" --csv sweep.csv
echo weights >model.gguf
wall 2 "${usual[@]}" --csv model.gguf
says '--force'

finish
