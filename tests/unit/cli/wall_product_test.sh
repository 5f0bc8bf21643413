#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# wall_product_test.sh TERRACE: `terrace wall` for every model of the catalogue and for every machine
# of it: an answer, or the one clear refusal that the model does not fit. Each model meets two machines:
# that all pairs answer is what tests/unit/wall/wall_catalogue_test.cc shows, in one process. Prints
# every pair that gives something else and ends with their number.
set -u
terrace=$1
# shellcheck source=tests/unit/cli/own_folders.sh
. "$(dirname "$0")/own_folders.sh"
cd "$work" || exit 2

"$terrace" wall names >names || exit 1
names_of() { awk -v head="$1:" '/^[^ ]/ { inside = $1 == head; next } inside && NF { print $1 }' names; }
mapfile -t models < <(names_of models)
mapfile -t machines < <(names_of machines)

answered=0
refused=0
failed=0
pair() { # pair MODEL MACHINE
  local code=0
  "$terrace" wall --model "$1" --machine "$2" --json >out 2>err </dev/null || code=$?
  if [ "$code" -eq 0 ] && grep -q '"tokens_per_second"' out; then
    answered=$((answered + 1))
  elif [ "$code" -eq 4 ] && [ ! -s out ] && grep -q ' needs .*; .* has .*; take ' err; then
    refused=$((refused + 1))
  else
    failed=$((failed + 1))
    echo "FAILED: $1 on $2: exit code $code"
    sed 's/^/  stderr: /' err
  fi
}
# A catalogue that was not found would have nothing to go through.
[ "${#models[@]}" -ge 20 ] && [ "${#machines[@]}" -ge 20 ] || exit 1
longer=$((${#models[@]} > ${#machines[@]} ? ${#models[@]} : ${#machines[@]}))
for ((i = 0; i < longer; ++i)); do
  for shift in 0 7; do
    pair "${models[i % ${#models[@]}]}" "${machines[(i + shift) % ${#machines[@]}]}"
  done
done
pairs=$((2 * longer))
echo "$pairs pairs: $answered answered, $refused do not fit, $failed failed"
# Nor may nothing fit, or all of it.
[ "$failed" -eq 0 ] && [ "$refused" -gt 0 ] && [ "$answered" -gt $((pairs / 2)) ]
