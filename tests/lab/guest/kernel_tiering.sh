#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The kernel's own tiering, its weighted interleaving and Terrace under the same workload: a cyclic
# scan over more than the fast node (0) has, and a small hot part. Prints a table and one JSON line,
# then the checks. docs/kernel-tiering.md explains both.
#   kernel_tiering.sh [ROUNDS]
set -euo pipefail
. /lab/guest/check.sh
rounds=${1:-8} hot=16
folder=/opt/terrace/tests/lab
tmp=$(mktemp -d)

free_mib() { awk '/MemFree/ { print int($4 / 1024) }' "/sys/devices/system/node/node$1/meminfo"; }

# The kernel's own tiering is on in every run: what it leaves alone it leaves alone by policy.
echo 2 >/proc/sys/kernel/numa_balancing
echo 1 >/sys/kernel/mm/numa/demotion_enabled
# By bandwidth, as HMAT has it.
echo 4 >/sys/kernel/mm/mempolicy/weighted_interleave/node0
echo 1 >/sys/kernel/mm/mempolicy/weighted_interleave/node1

fast=$(free_mib 0)
scanned=$((fast + 64))
# What the kernel needs for itself and the program's other memory stay free on the fast node.
cat >"$tmp/tiers.toml" <<TOML
[[tier]]
name = "dram"
kind = "dram"
nodes = [0]
capacity = "$((fast - 64))MiB"
bandwidth = "102.4GB/s"
latency = "100ns"
[[tier]]
name = "cxl"
kind = "cxl"
nodes = [1]
bandwidth = "25.6GB/s"
latency = "300ns"
TOML

# run NAME COMMAND...
run() {
  local name=$1
  shift
  sync
  echo 3 >/proc/sys/vm/drop_caches
  "$@" >"$tmp/$name.json"
}
workload=("$folder/tiering_workload" "$scanned" "$hot" "$rounds")
# Placed at birth: late placement moves an object once, at an age in time, and how many rounds that
# takes depends on how fast the machine is emulated.
terrace=(terrace run --quiet --tiers "$tmp/tiers.toml" --late-size 0)

run kernel "${workload[@]}"
run interleave "${workload[@]}" 3
run weighted "${terrace[@]}" --policy weighted --status "$tmp/weighted.status" -- "${workload[@]}"
# Windows shorter than a step: what is read eight times in it can be told from what is read once.
# Long enough for windows of several steps together, however slowly the machine is emulated.
recorded=$((rounds > 24 ? rounds : 24))
terrace record --quiet --window-hz 50 --budget 0% --late-size 0 --tiers "$tmp/tiers.toml" -o "$tmp/session" -- \
  "$folder/tiering_workload" "$scanned" "$hot" "$recorded" >/dev/null
terrace plan --quiet --tiers "$tmp/tiers.toml" -o "$tmp/plan.json" "$tmp/session" >&2
run planned "${terrace[@]}" --plan "$tmp/plan.json" --status "$tmp/planned.status" -- "${workload[@]}"

printf '%s MiB scanned, %s MiB hot, %s MiB free on the fast node, %s rounds\n' \
  "$scanned" "$hot" "$fast" "$rounds"
"$folder/tiering_report" kernel-tiering="$tmp/kernel.json" kernel-interleave="$tmp/interleave.json" \
  terrace-weighted="$tmp/weighted.json" terrace-plan="$tmp/planned.json"

for name in weighted planned; do
  check_equal "pages that moved under Terrace after it settled ($name)" 0 \
    "$("$folder/tiering_report" --settled "$tmp/$name.json")"
done
check 'the plan names the objects' grep -q '"planned":[1-9]' "$tmp/planned.status"
rm -rf "$tmp"
echo 0 >/proc/sys/kernel/numa_balancing
checks_done
