#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What bench/lib/packages.sh says and does where packages are missing: on a PATH that holds only the
# programs made here, so that nothing of this machine is found and nothing is installed.
set -euo pipefail
here=$(dirname "$(realpath "$0")")
packages=$here/../../bench/lib/packages.sh
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir "$scratch/bin"

# program NAME: a script of that name, from stdin.
program() {
  { printf '#!%s\n' "$BASH"; cat; } >"$scratch/bin/$1"
  chmod +x "$scratch/bin/$1"
}
# asked SET...: its status in `status`, what it said in said.txt; nothing goes to stdout.
asked() {
  status=0
  # shellcheck disable=SC2016  # expanded by the shell that is started
  PATH=$scratch/bin "$BASH" -c '. "$1"; shift; require_packages "$@"' asked "$packages" "$@" \
    >"$scratch/stdout.txt" 2>"$scratch/said.txt" || status=$?
  [ ! -s "$scratch/stdout.txt" ]
}
fails() { cat "$scratch/said.txt"; printf 'packages_test.sh: %s\n' "$1"; exit 1; }
says() { grep -q -- "$1" "$scratch/said.txt" || fails "does not say: $1"; }

program dpkg-query <<<'exit 1'
program id <<<'echo 1000'
program sudo <<<'exit 1'
asked build demo lab
[ "$status" -eq 3 ] || fails "without rights: status $status"
[ "$(grep -c '^Install them with: ' "$scratch/said.txt")" -eq 1 ] || fails 'not one list'
says '^Install them with: apt-get update && apt-get install .* g++ .* libnuma-dev .* npm .* cpio '
says '^The lab needs QEMU'

# shellcheck disable=SC2016  # expanded by the program
program apt-get <<<'echo "apt-get $*" >&2; [ "$1" = update ]'
program env <<<'shift; exec "$@"'
program id <<<'echo 0'
asked fuzz
[ "$status" -eq 1 ] || fails "apt-get install fails: status $status"
says '^apt-get install .* clang libclang-rt-14-dev$'

program dpkg-query <<<'printf installed'
program clang++ <<<'exit 0'
asked fuzz
[ "$status" -eq 0 ] || fails "all there: status $status"
[ ! -s "$scratch/said.txt" ] || fails 'all there, and it says something'

asked build nonsense
[ "$status" -eq 2 ] || fails "no such set: status $status"
says 'no set named nonsense'
echo 'packages are named at once'
