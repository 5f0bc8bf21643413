#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# kv_guide_test.sh SOURCE PROGRAMS: what docs/kv-cache.md shows is so. Each piece of C or C++ in it
# is, but for indentation, a piece of a program in docs/examples/kv_guide, and each block of output
# what its program prints now.
set -euo pipefail
guide=$1/docs/kv-cache.md
examples=$1/docs/examples/kv_guide
programs=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Every fenced block becomes a file: 01.c, 02.text, ...
awk -v work="$work" '
  /^```/ && name { close(name); name = ""; next }
  /^```/ { name = sprintf("%s/%02d.%s", work, ++count, substr($0, 4)); printf "" >name; next }
  name { print >name }' "$guide"

# holds TEXT LINES: do these lines stand in the text, one after the other?
holds() { [[ $'\n'"$1"$'\n' == *$'\n'"$2"$'\n'* ]]; }
flat() { sed 's/^ *//' "$@"; }
failed=0
pieces=("$work"/*.c "$work"/*.cpp)
for piece in "${pieces[@]}"; do
  for source in "$examples"/*.c "$examples"/*.cc; do
    holds "$(flat "$source")" "$(flat "$piece")" && continue 2
  done
  failed=1
  printf 'in none of the examples:\n%s\n' "$(cat "$piece")"
done

cat >"$work/tiers.toml" <<'END'
only = true
[[tier]]
name = "near"
kind = "dram"
nodes = [0]
capacity = "64MiB"
[[tier]]
name = "far"
kind = "file"
backing = "dax"
path = "/dev/shm"
capacity = "64MiB"
END
[ "$("$programs/kv_start")" = "$("$programs/kv_start_cxx")" ] || {
  failed=1
  echo "start.c and start.cc do not print the same"
}
"$programs/kv_start" >"$work/output"
"$programs/kv_tiers" "$work/tiers.toml" >>"$work/output"
outputs=("$work"/*.text)
for shown in "${outputs[@]}"; do
  holds "$(cat "$work/output")" "$(cat "$shown")" && continue
  failed=1
  printf 'no program prints:\n%s\nthey print:\n%s\n' "$(cat "$shown")" "$(cat "$work/output")"
done
echo "${#pieces[@]} pieces of code, ${#outputs[@]} of output"
[ "${#pieces[@]}" -ge 5 ] && [ "${#outputs[@]}" -ge 3 ] && [ "$failed" -eq 0 ]
