#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The node of a CXL device is taken offline while a program's blocks lie on it. The last test of its
# machine: the node is gone then.
set -uo pipefail
. /lab/guest/check.sh
export PATH=$PATH:/opt/terrace/tests/lab XDG_CACHE_HOME=/tmp XDG_CONFIG_HOME=/tmp
figure() { grep -o "\"$1\":[0-9]*" /tmp/status | head -n 1 | cut -d : -f 2; }
offline() {
  local state
  for state in /sys/devices/system/node/node1/memory[0-9]*/state; do echo offline >"$state" || return; done
}

cat >/tmp/tiers.toml <<'TEXT'
[[tier]]
name = "dram"
nodes = [0]
capacity = "2MiB"
TEXT
mkfifo /tmp/go /tmp/out
trap "" PIPE
terrace run --tiers /tmp/tiers.toml --policy first-touch --late-size 0 --status /tmp/status \
  -- memory_error_program node_goes_away </tmp/go >/tmp/out 2>/tmp/err &
exec 3>/tmp/go
# Open until the program ends, which may say more.
exec 4</tmp/out
said=''
read -r -t 60 said <&4
check_equal 'the program holds memory of the node' ready "$said"
check 'the node goes offline' offline
check 'and is gone' grep -qvw 1 /sys/devices/system/node/has_memory
echo g >&3 2>/dev/null
wait $!
check_equal 'the program ends by itself' 0 $?
check 'binding to the node was refused, and counted' test "$(figure bind_refused)" -gt 0
cat /tmp/err
checks_done
