#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Run in a root with nothing but Debian's minimal system and the project's packages: that all is
# found where it belongs.
set -euo pipefail
work=$(mktemp -d)
cd "$work"
set -x
terrace --version
terrace doctor
terrace topo
terrace run -- true
terrace help record
terrace wall --model llama3-70b --quant q4_k_m --machine xeon-8460y+ --context 4k..8k --html wall.html
[ -s wall.html ]
[ -s /usr/share/bash-completion/completions/terrace ]
[ -s /usr/share/man/man1/terrace.1 ]
ldd /usr/bin/terrace | tee libraries.txt
if grep 'not found' libraries.txt; then exit 1; fi
set +x
# Every document that a message names.
grep -aohE 'docs/[a-z0-9-]+\.md' /usr/bin/terrace | sort -u | while read -r document; do
  [ -s "/usr/share/doc/terrace/$document" ] || { printf '%s is named and not there\n' "$document"; exit 1; }
done
printf 'the packages work on a minimal system\n'
