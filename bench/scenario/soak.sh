#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Long runs: llama.cpp and redis-server under the shim, and the KV server of docs/examples, each under load
# for some minutes, with every answer checked. Says whether memory, descriptors and mappings stay flat
# and whether anything was said that is not expected; the exit status is 1 when one does not hold.
#   bench/scenario/soak.sh [--json] [--minutes N] [--only llama|kv|redis]... [--samples FOLDER]
# --minutes: of each part, 30 when not given. --samples: all samples as JSON, one file for each part.
# Exit status 2: no such option; 3: something is missing that may not be installed, or no emulated tiers.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# shellcheck source=../lib/engine.sh
. "$root/bench/lib/engine.sh"
# shellcheck source=../lib/emulation.sh
. "$root/bench/lib/emulation.sh"
for argument in "$@"; do
  case $argument in --help | -h) sed -n '3,/^set /s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 0 ;; esac
done
if ! with_emulation "${BASH_SOURCE[0]}" "$@"; then
  require_packages build demo peers   # said at once as well
  exit 3
fi
require_packages build demo peers
prepare_engine
build_release kv_server kv_load
exec node "$root/bench/scenario/soak.mjs" "$@"
