#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# When tests/run.sh may leave out what was green (tests/green.sh): for the same files, machine and
# switches, and for nothing else. In repositories of its own.
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

# tests/run.sh itself, where ctest and what builds are stand-ins.
script=$work/script
mkdir -p "$script"/{bin,bench/lib,tests/lab}
cp "$root/tests/run.sh" "$root/tests/green.sh" "$script/tests/"
cat >"$script/bench/lib/packages.sh" <<'TEXT'
build_tools=() lab_tools=() web_tools=() program_tools=()
require_packages() { :; }
TEXT
cat >"$script/bench/lib/build.sh" <<'TEXT'
build_release() { mkdir -p "$root/build/release" && echo 'A:STRING=b' >"$root/build/release/CMakeCache.txt"; }
TEXT
printf '#!/bin/sh\n' >"$script/tests/lab/run.sh"
# It edits a file, as somebody might meanwhile, or fails.
cat >"$script/bin/ctest" <<'TEXT'
#!/bin/sh
echo "$*" >asked
echo 'all tests passed'
[ ! -e edits ] || echo more >>tests/edited
[ ! -e fails ]
TEXT
chmod 755 "$script"/tests/lab/run.sh "$script/bin/ctest"
printf 'build\nasked\nedits\nfails\n' >"$script/.gitignore"
git init -q "$script"
cd "$script"
asked() { # asked NAME all|quick ARGUMENTS...: what run.sh has ctest run
  local name=$1 want=$2 status=0
  shift 2
  PATH=$script/bin:$PATH tests/run.sh "$@" >said 2>&1 || status=$?
  check_equal "$name" "$want $([ -e fails ] && echo 8 || echo 0)" \
    "$(grep -q -- '-L ^smoke\$' asked && echo quick || echo all) $([ $status -eq 0 ] && echo 0 || echo 8)"
}
echo said >>.gitignore
asked 'at first all run' all
asked 'then the quick ones' quick
check 'which is said, and when all ran' grep -qE '^All tests passed on [0-9-]{10} ' said
check 'and how they are run again' grep -qx 'tests/run.sh --all runs everything again.' said
asked 'all run when asked for' all --all
asked 'quick again' quick
asked 'what is named runs' all -R Planner
check 'by its name' grep -q -- '-R Planner$' asked
touch fails
asked 'quick ones that fail' quick
rm fails
asked 'make all run' all
echo x >tests/new
asked 'a named test of another tree' all -R Planner
asked 'does not stand for all' all
touch edits
asked 'a change while all run' all --all
rm edits
asked 'is not what was green' all
checks_done
