#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# When tests/run.sh may leave out what was green (tests/green.sh): for the same files, machine and
# switches, and for nothing else. In a repository of its own.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# shellcheck source=tests/lab/guest/check.sh
. "$root/tests/lab/guest/check.sh"
# shellcheck source=bench/lib/packages.sh
. "$root/bench/lib/packages.sh"
# shellcheck source=tests/green.sh
. "$root/tests/green.sh"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset CI "${!TERRACE_@}" "${!GIT_@}"
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null

# What installed packages add is the same all the time, and not what this is about.
dpkg-query() { cat "$work/packages"; }
echo 'libexample amd64 1.0' >"$work/packages"

tree=$work/tree build=$work/build
mkdir "$tree" "$build"
echo 'CMAKE_BUILD_TYPE:STRING=RelWithDebInfo' >"$build/CMakeCache.txt"
git init -q "$tree"
in_tree() { git -C "$tree" -c user.name=test -c user.email=test@example.org "$@"; }
echo one >"$tree/kept"
printf 'ignored\n' >"$tree/.gitignore"
in_tree add --all
in_tree commit -qm first

green() { was_green "$build" "$(state_of "$tree" "$build")"; }
not_green() { ! green; }
objects() { find "$tree/.git/objects" -type f | wc -l; }

check 'nothing was green without a run' not_green
remember_green "$build" "$(state_of "$tree" "$build")" 500
check 'the same is green' green
green
check_equal 'and how long all took is known' 500 "$green_seconds"
check 'and when it was' grep -qE '^[0-9]{4}-[0-9]{2}-[0-9]{2} ' <<<"$green_date"

before=$(objects)
echo two >"$tree/kept"
check 'a changed file is not' not_green
in_tree add --all
check 'nor when it is staged' not_green
check_equal 'the repository is not written to' "$((before + 1))" "$(objects)"
in_tree reset -q --hard
check 'what it was is green again' green
touch "$tree/kept"
check 'a new date alone is nothing' green
echo new >"$tree/new"
check 'a file that git does not know is a change' not_green
check_equal 'and git does not know it afterwards' '?? new' "$(in_tree status --short)"
rm "$tree/new"
echo any >"$tree/ignored"
check 'one that it ignores is none' green
chmod 755 "$tree/kept"
check 'a right to execute is a change' not_green
chmod 644 "$tree/kept"
in_tree commit -q --allow-empty -m 'the same files'
check 'a commit of the same files is none' green
rm "$tree/kept"
check 'a file that is gone is a change' not_green
in_tree reset -q --hard

echo 'libexample amd64 1.1' >"$work/packages"
check 'another version of a package is not green' not_green
echo 'libexample amd64 1.0' >"$work/packages"
check 'the same one is' green
with() { env "$1" bash -c "$(declare -f); work=$work; . '$root/bench/lib/packages.sh'
  . '$root/tests/green.sh'; $(declare -f dpkg-query); was_green '$build' \"\$(state_of '$tree' '$build')\""; }
check 'a switch that does not concern the tests is nothing' with EXAMPLE=1
without() { ! with "$1"; }
check 'one that does is a change' without TERRACE_SEED=1
check 'in CI nothing was green' without CI=true
echo 'CMAKE_BUILD_TYPE:STRING=Debug' >"$build/CMakeCache.txt"
check 'another kind of build is a change' not_green
echo 'CMAKE_BUILD_TYPE:STRING=RelWithDebInfo' >"$build/CMakeCache.txt"
forget_green "$build"
check 'once a test failed nothing was green' not_green
echo 'not a record' >"$build/last_green"
check 'half a record is none' not_green
remember_green "$build" "$(state_of "$work" "$build")" 500
check 'nothing is remembered where git cannot tell' not_green
check 'nor known' test -z "$(state_of "$work" "$build")"
checks_done
