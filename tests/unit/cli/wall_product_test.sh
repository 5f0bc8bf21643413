#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# wall_product_test.sh TERRACE: `terrace wall` for every model of the catalogue on every machine of
# it: an answer, or the one clear refusal that the model does not fit. Prints every pair that gives
# something else and ends with their number.
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
for model in "${models[@]}"; do
  for machine in "${machines[@]}"; do
    code=0
    "$terrace" wall --model "$model" --machine "$machine" --json >out 2>err </dev/null || code=$?
    if [ "$code" -eq 0 ] && grep -q '"tokens_per_second"' out; then
      answered=$((answered + 1))
    elif [ "$code" -eq 4 ] && [ ! -s out ] && grep -q ' needs .*; .* has .*; take ' err; then
      refused=$((refused + 1))
    else
      failed=$((failed + 1))
      echo "FAILED: $model on $machine: exit code $code"
      sed 's/^/  stderr: /' err
    fi
  done
done
pairs=$((${#models[@]} * ${#machines[@]}))
echo "$pairs pairs: $answered answered, $refused do not fit, $failed failed"
# A catalogue that was not found, or in which nothing fits, would pass all of the above.
[ "$failed" -eq 0 ] && [ "${#models[@]}" -ge 20 ] && [ "${#machines[@]}" -ge 20 ] &&
  [ "$answered" -gt $((pairs / 2)) ]
