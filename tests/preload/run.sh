#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# run.sh [--all] [--build DIR] [--behind LIBRARY] [PROGRAM...]: real programs under the preload
# library, each compared with its run without it (same_output.sh). Objects begin at 64 KiB, so that
# they are really used. Without arguments the quick ones, which tests/run.sh runs too; --all: every
# script in programs/, among them servers and the inference engine, and the tools that the library
# makes way for (tool_cases.sh), after installing what is missing.
# Ends with `N passed, M failed`, and names what was skipped.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
# shellcheck source=../../bench/lib/packages.sh
. "$root/bench/lib/packages.sh"
# shellcheck source=../../bench/lib/build.sh
. "$root/bench/lib/build.sh"
build=$root/build/release
behind=
all=0
programs=()
while [ $# -gt 0 ]; do
  case $1 in
    --all) all=1 ;;
    --build) build=$2; shift ;;
    --behind) behind=:$2; shift ;;
    -*) sed -n '3,8p' "$0" | cut -c3- >&2; exit 2 ;;
    *) programs+=("$1") ;;
  esac
  shift
done
if [ ${#programs[@]} -eq 0 ]; then
  if [ $all -eq 1 ]; then
    for script in "$here"/programs/*.sh; do programs+=("$(basename "$script" .sh)"); done
  else
    mapfile -t programs <"$here/programs/quick"
  fi
fi
sets=(build)
[ $all -eq 0 ] || sets+=(programs)
require_packages "${sets[@]}"
[ "$build" != "$root/build/release" ] || build_release terrace-preload terrace-cli make_flat make_model

# The engine and its model are fetched and made here, outside of what is compared.
if [[ " ${programs[*]} " == *" llama "* ]]; then
  "$root/bench/scenario/build_engine.sh"
  export TERRACE_TEST_ENGINE=$build/engine
  export TERRACE_TEST_MODEL=$build/tests/tiny.gguf
  [ -e "$TERRACE_TEST_MODEL" ] ||
    "$build/make_model" --shape tiny --quant q8_0 -o "$TERRACE_TEST_MODEL" >&2
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$build/tests/make_flat" "$work/flat"
export TERRACE_PLAN_FILE=$work/flat
passed=0
failed=0
skipped=()
for program in "${programs[@]}"; do
  status=0
  timeout 300 "$here/same_output.sh" "$build/libterrace-preload.so$behind" "$program" || status=$?
  case $status in
    0) passed=$((passed + 1)) ;;
    77) skipped+=("$program") ;;
    *) failed=$((failed + 1)); echo "$program: FAILED (status $status)" ;;
  esac
done
if [ $all -eq 1 ]; then
  for tool in asan static-asan tsan lsan clang-asan clang-tsan clang-msan memcheck callgrind \
    heaptrack-before heaptrack-behind heaptrack; do
    status=0
    timeout 300 "$here/tool_cases.sh" "$build" $tool || status=$?
    case $status in
      0) passed=$((passed + 1)) ;;
      77) skipped+=("$tool") ;;
      *) failed=$((failed + 1)); echo "$tool: FAILED (status $status)" ;;
    esac
  done
fi
[ ${#skipped[@]} -eq 0 ] || echo "skipped: ${skipped[*]}"
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
