#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# tidy.sh [FILE...]: clang-tidy over the given files, or over all that a release compiles, each by
# itself. Not among the tests, since all files take minutes. Exits 1 on a finding.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$root"
command -v clang-tidy >/dev/null || { echo 'tidy.sh: install clang-tidy' >&2; exit 3; }
cmake --preset release -B build/tidy -DCMAKE_UNITY_BUILD=OFF >/dev/null  # command lines, nothing built
if [ $# -eq 0 ]; then
  mapfile -t files < <(sed -n 's|^ *"file": "'"$root"'/\(.*\.cc\)".*|\1|p' \
    build/tidy/compile_commands.json | sort -u)
else
  files=("$@")
fi
printf '%s\n' "${files[@]}" | xargs -P "$(nproc)" -n 1 clang-tidy --quiet -p build/tidy
