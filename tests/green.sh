# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What a whole run of the tests was green for, kept in its build folder, so that tests/run.sh need not
# run all of it again for the same. To be sourced after bench/lib/packages.sh.

# tree_of ROOT: the hash that git would give the files there, tracked or not, but for ignored ones.
# Neither the index nor the objects of the repository are written to. Fails where git cannot tell.
tree_of() {
  local root=$1 scratch index objects status=0
  index=$(git -C "$root" rev-parse --path-format=absolute --git-path index 2>/dev/null) || return 1
  objects=$(git -C "$root" rev-parse --path-format=absolute --git-path objects) || return 1
  scratch=$(mktemp -d)
  # A copy knows the files that have not changed since, and only the others are read.
  if [ -e "$index" ]; then cp -p "$index" "$scratch/index"; fi
  (
    cd "$root"
    export GIT_INDEX_FILE=$scratch/index GIT_OBJECT_DIRECTORY=$scratch
    export GIT_ALTERNATE_OBJECT_DIRECTORIES=$objects
    git add --all . >"$scratch/said" 2>&1 && git write-tree
  ) || status=1
  rm -rf "$scratch"
  return "$status"
}

# machine_state BUILD: what else decides how tests end: the kernel, who runs them, each installed package,
# tools that no package may have brought, the environment's switches, and those of the build.
machine_state() {
  # shellcheck disable=SC2154  # of packages.sh
  local tools=("${build_tools[@]%%:*}" "${lab_tools[@]%%:*}" "${web_tools[@]%%:*}" "${program_tools[@]%%:*}"
    cc c++ clang++ git python3 perl qemu-system-x86_64)
  uname -srm
  id -u
  nproc
  dpkg-query -W -f '${Package} ${Architecture} ${Version}\n' 2>/dev/null || true
  # Some are not there, and that is part of the state.
  type -P "${tools[@]}" | xargs -r stat -L -c '%n %s %Y' || true
  env | grep -E '^(TERRACE_[A-Z_]*|CC|CXX|[A-Z]*FLAGS)=' | sort || true
  grep -E '^[A-Za-z][^:]*:(BOOL|STRING|PATH|FILEPATH|UNINITIALIZED)=' "$1/CMakeCache.txt" || true
}

# state_of ROOT BUILD: one word for the tree and the machine; nothing where git cannot tell.
state_of() {
  local tree
  tree=$(tree_of "$1") || return 0
  printf '%s-%s\n' "$tree" "$(machine_state "$2" | sha256sum | cut -c 1-16)"
}

# remember_green BUILD STATE SECONDS
remember_green() {
  if [ -z "$2" ]; then return; fi
  printf '%s\n%s\n%d\n' "$2" "$(date '+%Y-%m-%d %H:%M %Z')" "$3" >"$1/last_green"
}

# forget_green BUILD: some test failed.
forget_green() { rm -f "$1/last_green"; }

# was_green BUILD STATE: whether the last whole run in BUILD was green for STATE; if so, sets
# green_date and green_seconds. On a machine that says that it is there for CI ($CI), nothing was.
was_green() {
  local state=''
  green_date='' green_seconds=''
  if [ -n "${CI:-}" ] || [ -z "$2" ] || [ ! -e "$1/last_green" ]; then return 1; fi
  # shellcheck disable=SC2034  # for the caller
  { read -r state && read -r green_date && read -r green_seconds; } <"$1/last_green" || return 1
  [ "$state" = "$2" ]
}
