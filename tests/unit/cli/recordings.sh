# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What tests of recordings from outside have in common: the arguments TERRACE READS_MEMORY, a folder
# to work in, and checks on sessions. To be sourced; goes into the folder.
terrace=$1
# shellcheck disable=SC2034  # for the tests
reader=$2
# shellcheck source=tests/unit/cli/own_folders.sh
. "$(dirname "${BASH_SOURCE[0]}")/own_folders.sh"
# shellcheck source=tests/unit/cli/checks.sh
. "$(dirname "${BASH_SOURCE[0]}")/checks.sh"
cd "$work" || exit 1

# tiers.toml: one tier of this machine, so that nothing has to be discovered or measured.
one_fast_tier() {
  cat >tiers.toml <<'TOML'
only = true
[[tier]]
name = "fast"
kind = "dram"
backing = "numa"
nodes = [0]
capacity = "4GB"
bandwidth = "10GB/s"
latency = "100ns"
TOML
}
# holds FIGURE OPERATOR FIGURE NAME
holds() {
  checks=$((checks + 1))
  test "$1" "$2" "$3" || fail "$4: $1 $2 $3 does not hold"
}
schema_is() {
  holds "$(od -An -tu4 -j8 -N4 "$1" | tr -d ' ')" -eq "$2" "schema of $1"
}
private() {
  holds "$(stat -c %a "$1")" -eq 600 "rights on $1"
}
alone() {
  holds "$(echo "$1"*)" = "$1" "what lies beside $1"
}
