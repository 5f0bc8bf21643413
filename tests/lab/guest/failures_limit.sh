#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A program in a control group with a memory limit that it exceeds: killed as it is, and whole with
# Terrace, which takes the limit for the capacity of DRAM and lets the rest flow over to the DAX
# device, whose pages are charged to nobody.
set -uo pipefail
. /lab/guest/check.sh
export PATH=$PATH:/opt/terrace/tests/lab XDG_CACHE_HOME=/tmp XDG_CONFIG_HOME=/tmp
group=/sys/fs/cgroup/limited
mebibytes=136

echo +memory >/sys/fs/cgroup/cgroup.subtree_control
mkdir -p $group
echo $((128 << 20)) >$group/memory.max
# limited COMMAND...: in the group from its first instruction.
limited() { bash -c "echo \$\$ >$group/cgroup.procs; exec \"\$@\"" bash "$@"; }
kills() { awk '$1 == "oom_kill" { print $2 }' $group/memory.events; }

cat >/tmp/tiers.toml <<'TEXT'
[[tier]]
name = "expander"
kind = "cxl"
backing = "dax"
path = "/dev/dax0.0"
TEXT
limited eat $mebibytes 2>/dev/null
check_equal 'without Terrace it is killed' 137 $?
check_equal 'by the limit' 1 "$(kills)"
limited terrace run --tiers /tmp/tiers.toml --policy first-touch --late-size 0 --status /tmp/status \
  -- eat $mebibytes >/tmp/out 2>/tmp/err
check_equal 'with Terrace it ends by itself' 0 $?
check_equal 'with the right answer' right "$(cat /tmp/out)"
check_equal 'nobody was killed' 1 "$(kills)"
check 'the limit is the capacity of DRAM' \
  test "$(grep -o '"capacity_bytes":[0-9]*' /tmp/status | head -n 1 | cut -d : -f 2)" -le $((128 << 20))
cat /tmp/err
checks_done
