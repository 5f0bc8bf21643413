#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# format.sh ROOT: fails when clang-format would change a C or C++ file.
set -euo pipefail
cd "$1"
folders=()
for folder in allocators profiler tiering bench tests docs; do
  if [ -d "$folder" ]; then folders+=("$folder"); fi
done
[ "${#folders[@]}" -gt 0 ] || { echo "format.sh: $1: no sources there"; exit 2; }
find "${folders[@]}" -type f \( -name '*.cc' -o -name '*.h' -o -name '*.c' \) -print0 |
  xargs -0 clang-format --style=file --dry-run -Werror
