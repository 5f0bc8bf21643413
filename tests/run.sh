#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# All tests from a fresh clone: installs what is missing, builds build/release, runs ctest, whose
# summary is the last thing printed and whose exit status this is. Arguments go to ctest. Tests that
# passed are listed on a terminal only. Where all of it was green for the same files on the same machine
# (green.sh), the tests with the label smoke alone run again, and that is said below the summary.
#   --all      everything, whatever was green; so it is in a fresh clone and where $CI is set
#   --no-lab   leaves out what needs the tier lab's emulated machines, and says so
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=../bench/lib/packages.sh
. "$root/bench/lib/packages.sh"
# shellcheck source=../bench/lib/build.sh
. "$root/bench/lib/build.sh"
# shellcheck source=green.sh
. "$root/tests/green.sh"

lab=yes
all=no
arguments=()
for argument in "$@"; do
  case $argument in
    --no-lab) lab=no ;;
    --all) all=yes ;;
    *) arguments+=("$argument") ;;
  esac
done
build=$root/build/release

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
# Of the whole suite alone can be said what it was green for.
whole=no state=''
if [ "$lab" = yes ] && [ ${#arguments[@]} -eq 0 ]; then whole=yes state=$(state_of "$root" "$build"); fi
if [ "$whole" = yes ] && [ "$all" = no ] && was_green "$build" "$state"; then
  whole=no lab=no-need
  arguments=(-L '^smoke$')
  # shellcheck disable=SC2154  # set by was_green
  shortened="All tests passed on $green_date, in $green_seconds s, and nothing has changed since: these were the quick ones.
tests/run.sh --all runs everything again."
fi
if [ "$lab" = yes ] && ! "$root/tests/lab/run.sh" --prepare; then
  printf 'tests/run.sh --no-lab runs everything that needs no machine of the lab\n' >&2
  exit 3
fi
# In a log, what failed must not drown in thousands of lines of what passed.
failures_only() { if [ -t 1 ]; then cat; else grep --line-buffered -vE '^ *Start +[0-9]+: | Passed +[0-9.]+ sec$'; fi; }
status=0
began=$SECONDS
ctest --test-dir "$build" --output-on-failure --no-tests=error -j "$(nproc)" \
  "${arguments[@]+"${arguments[@]}"}" | failures_only || status=$?
if [ "$lab" = no ]; then
  printf 'tests/run.sh: the tier lab was left out (--no-lab)\n' >&2
fi
# Not when somebody edited meanwhile: then some tests saw the one and some the other.
if [ "$status" -ne 0 ]; then
  forget_green "$build"
elif [ "$whole" = yes ] && [ "$(state_of "$root" "$build")" = "$state" ]; then
  remember_green "$build" "$state" $((SECONDS - began))
fi
if [ -n "${shortened:-}" ]; then printf '%s\n' "$shortened"; fi
exit "$status"
