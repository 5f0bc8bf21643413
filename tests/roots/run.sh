#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The project from nothing: README's commands, the Debian packages and the two first documents, each
# in a root that holds Debian's minimal system and nothing else. docs/testing.md says what each step
# shows.
set -euo pipefail
PATH=$PATH:/usr/sbin:/sbin   # of debootstrap, which `su` alone does not have
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
roots=$root/build/roots
release=bookworm
mirror=
ccache=
keep=no
under_way=   # process group of the step that runs
# shellcheck source=lib/root.sh
. "$root/tests/roots/lib/root.sh"
# shellcheck source=lib/steps.sh
. "$root/tests/roots/lib/steps.sh"

usage() {
  cat <<TEXT
usage: tests/roots/run.sh [--mirror URI] [--roots DIR] [--ccache DIR] [--keep] [STEP...]

  --mirror URI   where debootstrap gets Debian from; default: the source of $release in this
                 machine's apt configuration, which the roots are given as well
  --roots DIR    where the roots and the logs are; default build/roots
  --ccache DIR   is seen by the roots' builds; ccache is then installed there
  --keep         leaves the roots there; single steps then go on where others ended

STEPs, in this order, all when none is named:
$(describe_steps)
Needs root, debootstrap, git and 13 GB of disk. Each step's output is in DIR/logs.
The last line printed is "N passed, M failed". Exit status: 0 all passed, 1 a step failed, 2 usage,
3 something is not installed.
TEXT
}

die() { printf 'tests/roots/run.sh: %s\n' "$2" >&2; exit "$1"; }

steps=()
while [ $# -gt 0 ]; do
  case $1 in
    --help | -h) usage; exit 0 ;;
    --keep) keep=yes ;;
    --mirror | --roots | --ccache)
      [ $# -ge 2 ] || die 2 "$1 needs a value"
      declare "${1#--}=$2"
      shift ;;
    -*) die 2 "no such option: $1; --help lists them" ;;
    *)
      is_step "$1" || die 2 "no such step: $1; --help lists them"
      steps+=("$1") ;;
  esac
  shift
done
if [ ${#steps[@]} -eq 0 ]; then steps=("${all_steps[@]}"); fi

[ "$(id -u)" -eq 0 ] || die 3 'needs root, for debootstrap and chroot'
for tool in debootstrap git unshare; do
  command -v "$tool" >/dev/null || die 3 "$tool is not installed"
done
: "${mirror:=$(machine_mirror)}"
[ -n "$mirror" ] || die 3 "apt has no source of $release here; name one by --mirror"
if [ -n "$(git -C "$root" status --porcelain)" ]; then
  printf 'not committed, so not tested:\n%s\n' "$(git -C "$root" status --short)" >&2
fi
mkdir -p "$roots/logs"
roots=$(realpath "$roots")
if [ -n "$ccache" ]; then install -d -m 1777 "$ccache"; fi

# Whatever ends this ends what runs in the root, and with it its mounts.
clean_up() {
  if [ -n "$under_way" ]; then
    kill -- "-$under_way" 2>/dev/null || true
    wait "$under_way" 2>/dev/null || true
  fi
  if [ "$keep" = no ]; then for name in "${all_roots[@]}"; do remove_root "$name"; done; fi
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

passed=0
failed=0
for step in "${steps[@]}"; do
  log=$roots/logs/$step.log
  printf '%-14s ' "$step"
  begin=$SECONDS
  # In a process group of its own, for clean_up.
  set -m
  (set -e; run_step "$step") >"$log" 2>&1 &
  under_way=$!
  set +m
  status=0
  wait "$under_way" || status=$?
  under_way=
  if [ "$status" -eq 0 ]; then
    passed=$((passed + 1))
    printf 'ok      %5d s  %s\n' $((SECONDS - begin)) "$(tail -n 1 "$log")"
  else
    failed=$((failed + 1))
    printf 'FAILED  %5d s  %s\n' $((SECONDS - begin)) "$log"
    tail -n 15 "$log" | sed 's/^/    /'
  fi
done
printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
