#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# sanitizers.sh FOLDER ROOT SANITIZERS OPTION...: fails unless the project can be configured for them, in
# FOLDER, and each command line has each option.
# sanitizers.sh FOLDER --again OPTION...: the same of what was configured there.
set -euo pipefail
folder=$1
shift
if [ "$1" != --again ]; then
  rm -rf "$folder"
  mkdir -p "$folder"
  cmake -S "$1" -B "$folder" -DTERRACE_SANITIZE="$2" -DTERRACE_TESTS=OFF -DTERRACE_BENCH=OFF -DNPM=OFF \
    >"$folder/out" 2>&1 || { cat "$folder/out"; exit 1; }
  shift
fi
shift
for option in "$@"; do
  without=$(grep '"command":' "$folder/compile_commands.json" | grep -cve " $option " || true)
  [ "$without" -eq 0 ] || { echo "$without command lines without $option"; exit 1; }
done
