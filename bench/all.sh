#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs every benchmark of the project once, one after the other, and collects their figures: what the
# issues asked for beside what was reached. docs/benchmarks.md says how, and has the table.
#   bench/all.sh [--json] [--quick] [--only PART]... [--trace FILE] [--points FILE]
#   bench/all.sh --list                             the parts and about how long each takes
#   bench/all.sh --markdown FILE.json [--page FILE] puts the table of a document into docs/benchmarks.md
# --json: one document on stdout. --trace: a request trace of Mooncake, --points: published decode
# speeds; without them their parts are not run. Output of each part stays in build/bench/PART.*.
# Exit status 1: a part failed; a number that was missed is no failure.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=lib/packages.sh
. "$root/bench/lib/packages.sh"
# shellcheck source=lib/build.sh
. "$root/bench/lib/build.sh"
collector=(node "$root/bench/all/main.mjs")

runs=1
for argument in "$@"; do
  case $argument in
    --help | -h) sed -n '3,/^set /s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 0 ;;
    --list | --markdown | --markdown=*) runs=0 ;;
  esac
done

require_packages demo
if [ "$runs" = 1 ]; then
  targets=$("${collector[@]}" --targets "$@")
  if [ -n "$targets" ]; then
    require_packages build
    # shellcheck disable=SC2086  # one target a word
    build_release $targets
  fi
fi
exec "${collector[@]}" "$@"
