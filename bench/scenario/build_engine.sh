#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Gets llama.cpp's CPU build and builds bench/scenario/llama_{decode,passes}.cc against it. The engine
# comes as npm packages, unpacked under build/engine and never installed: no script of theirs runs and no
# other platform's files are fetched (docs/adr/0005-engine-from-npm.md). Does nothing when all is
# there. Prints nothing on stdout.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
version=3.22.1
engine=$root/build/engine/$version
out=$root/build/release/engine
libraries=$engine/libraries/package/bins/linux-x64
source=$engine/source

say() { printf '%s\n' "$*" >&2; }

# unpack PACKAGE FOLDER: the published archive of one package, checked by npm, in FOLDER.
unpack() {
  local work archive
  work=$(mktemp -d "$engine/unpack.XXXXXX")
  say "engine: fetching $1"
  archive=$(cd "$work" && npm pack --silent "$1@$version" | tail -n 1) || {
    say "engine: npm cannot fetch $1@$version; check the network and npm's configuration"
    return 1
  }
  mkdir "$work/files"
  tar -xzf "$work/$archive" -C "$work/files"
  mv "$work/files" "$2"
  rm -rf "$work"
}

fetch_libraries() {
  [ -d "$engine/libraries" ] || unpack "@node-llama-cpp/linux-x64" "$engine/libraries"
}

# The headers of exactly these libraries: the package bundles the engine's source as a git bundle.
fetch_headers() {
  [ -d "$source" ] && return
  local work=$engine/bundle
  rm -rf "$work" "$source.part"
  unpack node-llama-cpp "$work"
  git -c advice.detachedHead=false clone --quiet --no-checkout \
    "$work/package/llama/gitRelease.bundle" "$source.part"
  git -C "$source.part" checkout --quiet HEAD -- include ggml/include LICENSE
  mv "$source.part" "$source"
  rm -rf "$work"
}

# build_client NAME: one of the engine's clients here. The libraries carry the release in their names,
# so the linker is given the files themselves.
build_client() {
  local client=$root/bench/scenario/$1.cc
  local launcher=()
  if [ "$out/$1" -nt "$client" ] && [ "$out/$1" -nt "$source" ]; then return; fi
  command -v ccache >/dev/null && launcher=(ccache)
  mkdir -p "$out"
  say "engine: building $1"
  "${launcher[@]}" g++ -std=c++20 -O2 -g -Wall -Wextra -Wconversion -Wshadow -Werror \
    -isystem "$source/include" -isystem "$source/ggml/include" -c "$client" -o "$out/$1.o"
  g++ -o "$out/$1" "$out/$1.o" "$libraries"/libllama.v*.so \
    "$libraries"/libggml.v*.so "$libraries/libggml-base.so" "-Wl,-rpath,$libraries"
  ln -sfn "$libraries" "$out/libraries"
}

mkdir -p "$engine"
fetch_libraries
fetch_headers
build_client llama_decode
build_client llama_passes
