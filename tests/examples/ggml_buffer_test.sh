#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ggml_buffer_test.sh SOURCE BUILD: builds docs/examples/ggml_buffer against the engine that
# bench/scenario/build_engine.sh fetched, and decodes the same tokens with and without it: the logits
# must be equal, and all of the model's weights in the tier that was asked for.
set -euo pipefail
source=$1
build=$2
skip() {
  echo "skipped: $1"
  exit 0
}
example=$source/docs/examples/ggml_buffer
command -v node >/dev/null || skip "no node"
engine=$(ls -d "$source"/build/engine/*/source 2>/dev/null | tail -n 1) || engine=
[ "$build" = "$source/build/release" ] || skip 'the engine is run in build/release only'
[ -n "$engine" ] || skip "no headers of ggml: bench/scenario/build_engine.sh fetches the engine"
libraries=$(ls -d "${engine%/source}"/libraries/package/bins/linux-x64)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# What a buffer type is made of stands in no header that the engine installs.
git -C "$engine" show HEAD:ggml/src/ggml-backend-impl.h >"$work/ggml-backend-impl.h" ||
  skip "the engine's source has no ggml/src/ggml-backend-impl.h"
g++ -std=c++20 -O1 -Wall -Wextra -Wconversion -Wshadow -Werror "$example/decode.cc" \
  "$example/ggml_buffer.cc" -o "$work/decode" -isystem "$work" -isystem "$engine/include" \
  -isystem "$engine/ggml/include" -I"$source/allocators/include" -I"$source/tiering/include" \
  "$libraries"/libllama.v*.so "$libraries"/libggml.v*.so "$libraries/libggml-base.so" \
  "$build/libterrace.so" "-Wl,-rpath,$libraries:$build"
"$build/make_model" --shape tiny --output "$work/model.gguf" >"$work/made" 2>&1
cat >"$work/tiers.toml" <<END
only = true
[[tier]]
name = "near"
kind = "dram"
nodes = [0]
capacity = "1GiB"
[[tier]]
name = "far"
kind = "file"
backing = "dax"
path = "$work"
capacity = "1GiB"
END
plain=$("$work/decode" "$work/model.gguf" "$libraries")
for tier in near far; do
  placed=$("$work/decode" "$work/model.gguf" "$libraries" "$work/tiers.toml" "$tier")
  echo "$tier: $placed"
  node -e '
    const [plain, placed] = process.argv.slice(1).map(JSON.parse);
    if (plain.checksum !== placed.checksum) throw Error("the logits differ");
    if (placed.tier_bytes < placed.model_bytes) throw Error("weights lie elsewhere");
  ' "$plain" "$placed"
done
