#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every figure that README and docs state, from one run: each benchmark in turn, alone.
#   bench/all.sh [--json] [--only PART[,PART...]] [--quick]    runs them (about 70 minutes)
#   bench/all.sh --page FILE.json                              docs/benchmarks.md of such a run
# Without --json the table is printed. A part that this machine cannot run is named with what it
# lacks, and its figures are absent. --quick: fewer rounds, to see that all parts work; its figures
# are for nothing else. Exit 1: a part failed.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=lib/packages.sh
. "$root/bench/lib/packages.sh"
# shellcheck source=lib/build.sh
. "$root/bench/lib/build.sh"
case " $* " in
  *' --page '*) command -v node >/dev/null || require_packages demo ;;
  *)
    for set in build peers demo; do require_packages "$set"; done
    build_release
    "$root/bench/scenario/build_engine.sh"
    ;;
esac
exec node "$root/bench/all/main.mjs" "$@"
