#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# All tests from a fresh clone: installs what is missing, builds build/release, runs ctest, whose
# summary is the last thing printed and whose exit status this is. Arguments go to ctest. Tests that
# passed are listed on a terminal only.
#   --no-lab   leaves out what needs the tier lab's emulated machines, and says so
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=../bench/lib/packages.sh
. "$root/bench/lib/packages.sh"
# shellcheck source=../bench/lib/build.sh
. "$root/bench/lib/build.sh"

lab=yes
arguments=()
for argument in "$@"; do
  if [ "$argument" = --no-lab ]; then lab=no; else arguments+=("$argument"); fi
done

sets=(build tests packages)
if [ "$lab" = no ]; then
  printf 'tests/run.sh: the tier lab is left out (--no-lab): nothing runs on real memory tiers\n' >&2
  arguments=(-LE '^lab$' "${arguments[@]+"${arguments[@]}"}")
else
  sets+=(lab)
fi
status=0
(require_packages "${sets[@]}") || status=$?
if [ "$status" -ne 0 ]; then
  if [ "$lab" = yes ]; then
    printf 'tests/run.sh --no-lab runs everything that needs no machine of the lab\n' >&2
  fi
  exit "$status"
fi
build_release
if [ "$lab" = yes ] && ! "$root/tests/lab/run.sh" --prepare; then
  printf 'tests/run.sh --no-lab runs everything that needs no machine of the lab\n' >&2
  exit 3
fi
# In a log, what failed must not drown in thousands of lines of what passed.
failures_only() { if [ -t 1 ]; then cat; else grep --line-buffered -vE '^ *Start +[0-9]+: | Passed +[0-9.]+ sec$'; fi; }
status=0
ctest --test-dir "$root/build/release" --output-on-failure --no-tests=error -j "$(nproc)" \
  "${arguments[@]+"${arguments[@]}"}" | failures_only || status=$?
if [ "$lab" = no ]; then
  printf 'tests/run.sh: the tier lab was left out (--no-lab)\n' >&2
fi
exit "$status"
