#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The fast tier's node is really full, though its stated capacity is not used up: under `advisory`
# the kernel takes other nodes, under `strict` blocks spill, where MPOL_BIND alone ends the program.
set -uo pipefail
. /lab/guest/check.sh
export PATH=$PATH:/opt/terrace/tests/lab XDG_CACHE_HOME=/tmp XDG_CONFIG_HOME=/tmp
figure() { grep -o "\"$1\":[0-9]*" /tmp/status | head -n 1 | cut -d : -f 2; }
free_mebibytes() { awk '/MemFree/ { print int($4 / 1024) }' "/sys/devices/system/node/node$1/meminfo"; }

# The fastest node, most of it taken by somebody else.
node=1
mkfifo /tmp/hog
eat $(($(free_mebibytes $node) / 2)) $node hold >/tmp/hog &
hog=$!
# Else the kernel ends this one, the larger, in the other's place.
echo -1000 >/proc/$hog/oom_score_adj
said=''
read -r -t 60 said </tmp/hog
check_equal 'somebody holds half of the fast node' holding "$said"
left=$(free_mebibytes $node)

eat $((left + 40)) $node 2>/dev/null
check_equal 'MPOL_BIND alone is killed by the kernel' 137 $?
kill -0 $hog 2>/dev/null
check_equal 'and the other one was not' 0 $?

declare -A elsewhere
for bind in advisory strict; do
  rm -f /tmp/status
  terrace run --bind $bind --late-size 4K --status /tmp/status -- eat $((left + 40)) >/tmp/out 2>/tmp/err
  check_equal "$bind: the program ends by itself" 0 $?
  check_equal "$bind: with the right answer" right "$(cat /tmp/out)"
  elsewhere[$bind]=$(grep -o '"elsewhere_bytes":[0-9]*' /tmp/status | head -n 1 | cut -d : -f 2)
done
check 'advisory: what the kernel put on other nodes is told' test "${elsewhere[advisory]}" -ge $((16 << 20))
check_equal 'strict: nothing lies elsewhere' 0 "${elsewhere[strict]}"
check 'strict: blocks spilled' test "$(figure spilled_blocks)" -gt 10
check_equal 'strict: it is said once' 1 "$(grep -c 'is strict and its nodes' /tmp/err)"
kill $hog
wait $hog 2>/dev/null
checks_done
