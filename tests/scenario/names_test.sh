#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# names_test.sh SOURCE BUILD: a small mixture on llama.cpp, recorded with and without mmap: every
# tensor and expert has to be named where the engine's own table has it.
set -eu
source=$1
build=$2
skip() {
  echo "skipped: $1"
  exit 0
}
[ "$build" = "$source/build/release" ] || skip 'the scenario runs in build/release only'
[ -x "$build/engine/llama_decode" ] || skip 'no engine: bench/scenario/build_engine.sh fetches it'
command -v node >/dev/null || skip 'no node'
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
node "$source/bench/scenario/names.mjs" --quick --json --folder "$work" | tee "$work/out"
[ "$(wc -l <"$work/out")" = 2 ]
