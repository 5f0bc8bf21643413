#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Whether the machine is what its file says, by the kernel's own files. When this fails, nothing
# that another test says about the machine means anything.
set -euo pipefail
. /lab/lib/machine.sh
. /lab/guest/check.sh
read_machine /lab/machine
nodes=/sys/devices/system/node

# as_list: numbers, one a line, to the kernel's form: 0-1,4-5.
as_list() {
  awk 'function put() { printf "%s%s", sep, first == last ? first : first "-" last; sep = "," }
    NR == 1 { first = last = $1; next } $1 == last + 1 { last = $1; next } { put(); first = last = $1 }
    END { if (NR) put(); print "" }'
}

# The node that kmem makes comes right behind those that firmware tells of.
cxl_node() {
  if [ "$(attribute cxl.0 mode)" = system-ram ]; then
    printf '%s\n' $(($(machine_numbers node | tail -n 1) + 1))
  fi
}

# within_percent PERCENT WANT HAVE: HAVE is at most WANT, and less by no more than PERCENT.
within_percent() {
  [ "$3" -le "$2" ] && [ $(($3 * 100)) -ge $(($2 * (100 - $1))) ] || { echo "of $2 there are $3" && return 1; }
}

node_mebibytes() { awk '/MemTotal/ { print int($4 / 1024) }' "$nodes/node$1/meminfo"; }

check_nodes() {
  local node
  check_equal 'nodes online' "$( (machine_numbers node && cxl_node) | as_list)" "$(cat $nodes/online)"
  check_equal 'nodes with memory' "$(cat $nodes/online)" "$(cat $nodes/has_memory)"
  check_equal 'nodes with CPUs' "$(machine_sockets | as_list)" "$(cat $nodes/has_cpu)"
  for node in $(machine_unfitted); do
    check "node $node is a hole" test ! -e "$nodes/node$node"
  done
  for node in $(machine_sockets); do
    check_equal "CPUs of node $node" "$(attribute "node.$node" cpus)" \
      "$(find "$nodes/node$node/" -maxdepth 1 -name 'cpu[0-9]*' | wc -l)"
  done
  for node in $(machine_numbers node); do
    # The kernel keeps its own and its tables' memory to itself, most of it on node 0.
    check "size of node $node" within_percent 20 "$(mebibytes "$(attribute "node.$node" size)")" \
      "$(node_mebibytes "$node")"
  done
}

check_distances() {
  local from to line
  if [ "$(machine_numbers node | wc -l)" -lt 2 ]; then return; fi
  for from in $(machine_numbers node); do
    line=''
    for to in $( (machine_numbers node && cxl_node)); do line+=" $(node_distance "$from" "$to")"; done
    check_equal "distances of node $from" "${line# }" "$(cat "$nodes/node$from/distance")"
  done
}

# The nearest socket of a node, as the kernel ranks them: by latency, then by bandwidth.
best_initiator() {
  local from
  for from in $(machine_sockets); do
    if [ -n "${machine[hmat.$from-$1]-}" ]; then
      printf '%d %d %d\n' "$(attribute "hmat.$from-$1" latency)" \
        "-$(attribute "hmat.$from-$1" bandwidth)" "$from"
    fi
  done | sort -n -k1,1 -k2,2 -k3,3 | head -n 1 | cut -d ' ' -f 3
}

check_figures() {
  local node from folder which
  for node in $(machine_numbers node); do
    from=$(best_initiator "$node")
    folder=$nodes/node$node/access0/initiators
    if [ -z "$from" ]; then
      check "node $node tells no latency" test ! -e "$folder/read_latency"
      continue
    fi
    for which in read write; do
      check_equal "$which latency of node $node, ns" \
        "$(attribute "hmat.$from-$node" latency)" "$(cat "$folder/${which}_latency")"
      check_equal "$which bandwidth of node $node, MiB/s" \
        "$(attribute "hmat.$from-$node" bandwidth)" "$(cat "$folder/${which}_bandwidth")"
    done
    check "node $node is next to node $from" test -e "$folder/node$from"
  done
}

# tier NODE: the number of its memory tier; the lower, the faster.
tier() {
  local file
  for file in /sys/devices/virtual/memory_tiering/memory_tier*/nodelist; do
    if expand_list "$(cat "$file")" | grep -qx "$1"; then
      file=${file%/nodelist}
      printf '%d\n' "${file##*memory_tier}"
    fi
  done
}

expand_list() {
  local part
  for part in ${1//,/ }; do seq "${part%-*}" "${part#*-}"; done
}

# The kernel ranks a node by latency over bandwidth, next to node 0's. The numbers are its own
# affair and change between versions; the order is not.
check_tiers() {
  local node own base order
  base=$(attribute hmat.0-0 latency) own=$(attribute hmat.0-0 bandwidth)
  for node in $(machine_numbers node); do
    order=same
    if [ -n "$(best_initiator "$node")" ] && [ -z "$(attribute "node.$node" cpus)" ]; then
      order=$(rank "$base" "$own" "hmat.$(best_initiator "$node")-$node")
    fi
    check_equal "memory tier of node $node, next to node 0's" "$order" \
      "$(compare "$(tier "$node")" "$(tier 0)")"
  done
}

# rank LATENCY BANDWIDTH ENTRY: whether a node of ENTRY is of a faster tier than one of the two.
rank() { compare $(($(attribute "$3" latency) * $2)) $(($(attribute "$3" bandwidth) * $1)); }

compare() {
  if [ "$1" -lt "$2" ]; then echo faster; elif [ "$1" -gt "$2" ]; then echo slower; else echo same; fi
}

# check_device_dax SIZE: /dev/dax0.0 is one that programs map, in pieces of 2 MiB.
check_device_dax() {
  local device=/sys/bus/dax/devices/dax0.0
  check 'dax0.0 is a device' test -c /dev/dax0.0
  # The file is there without a driver too, and then cannot be opened.
  check 'dax0.0 opens' bash -c 'exec 3<>/dev/dax0.0'
  check_equal 'driver of dax0.0' device_dax "$(basename "$(readlink -f $device/driver)")"
  check_equal 'alignment of dax0.0' 2097152 "$(cat $device/align)"
  check 'size of dax0.0' within_percent 10 "$1" $(($(cat $device/size) >> 20))
}

check_cxl() {
  local size region=/sys/bus/cxl/devices/region0 node
  size=$(mebibytes "$(attribute cxl.0 size)")
  node=$(cxl_node)
  check_equal 'size of the CXL region, MiB' "$size" $(($(cat $region/size) >> 20))
  if [ -z "$node" ]; then
    check_device_dax "$size"
    return
  fi
  # Kernel 6.12 shows a region's figures only once its memory is a node's.
  if [ -n "$(attribute cxl.0 latency)" ]; then
    # The device's own figures come on top; what they are is QEMU's affair.
    check 'latency of the region includes the way to it' test \
      "$(cat $region/access0/read_latency)" -gt "$(attribute cxl.0 latency)"
  fi
  check_equal 'driver of dax0.0' kmem "$(basename "$(readlink -f /sys/bus/dax/devices/dax0.0/driver)")"
  check "size of node $node" within_percent 10 "$size" "$(node_mebibytes "$node")"
  check_equal "memory tier of node $node, next to node 0's" slower "$(compare "$(tier "$node")" "$(tier 0)")"
}

check_pmem() {
  local number size place
  for number in $(machine_numbers pmem); do
    size=$(mebibytes "$(attribute "pmem.$number" size)")
    if [ "$(attribute "pmem.$number" mode)" = devdax ]; then
      check_device_dax "$size"
      continue
    fi
    place=/mnt/pmem${number#0}
    check "$place is ext4 with dax=always" grep -qE "^/dev/pmem$number $place ext4 .*dax=always" /proc/mounts
    check "size of /dev/pmem$number" within_percent 10 "$size" $(($(cat "/sys/class/block/pmem$number/size") >> 11))
    check "$place takes a file" cp /lab/guest/machine.sh "$place/file"
    check "$place gives it back" cmp /lab/guest/machine.sh "$place/file"
  done
}

check_nodes
check_distances
check_figures
check_tiers
if machine_has cxl; then check_cxl; fi
if machine_has pmem; then check_pmem; fi
check 'the build runs here' terrace topo --json
check_equal 'pages are not moved by the kernel itself' 0 "$(cat /proc/sys/kernel/numa_balancing)"
checks_done
