#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# sanitizers.sh ROOT SANITIZERS OPTION...: fails unless the project can be configured for them and
# each command line has each option.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cmake -S "$1" -B "$work" -DTERRACE_SANITIZE="$2" -DTERRACE_TESTS=OFF -DTERRACE_BENCH=OFF -DNPM=OFF \
  >"$work/out" 2>&1 || { cat "$work/out"; exit 1; }
for option in "${@:3}"; do
  without=$(grep '"command":' "$work/compile_commands.json" | grep -cve " $option " || true)
  [ "$without" -eq 0 ] || { echo "$without command lines without $option"; exit 1; }
done
