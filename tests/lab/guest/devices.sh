#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Brings up what the machine file asks for and the kernel does not do by itself: a CXL region as a
# node or as a device, persistent memory as a file system or as a device. All by sysfs and ndctl.
set -euo pipefail
# shellcheck source=../lib/machine.sh
. /lab/lib/machine.sh
read_machine /lab/machine

# await_file FILE: it appears once the kernel is done with what was asked of it. A minute, since the
# host may be busy.
await_file() {
  if /opt/terrace/tests/lab/await 60 test -e "$1"; then return 0; fi
  printf 'lab: %s did not appear\n' "$1" >&2
  return 1
}

cxl=/sys/bus/cxl/devices

# The `cxl` program of Debian 12 cannot make regions of volatile memory, the kernel's files can.
cxl_region() {
  local size=$1 region memory
  await_file "$cxl/decoder2.0/mode"
  await_file "$cxl/endpoint2"
  echo ram >"$cxl/decoder2.0/mode"
  echo "$size" >"$cxl/decoder2.0/dpa_size"
  region=$(cat "$cxl/decoder0.0/create_ram_region")
  echo "$region" >"$cxl/decoder0.0/create_ram_region"
  memory=$cxl/$region
  echo 256 >"$memory/interleave_granularity"
  echo 1 >"$memory/interleave_ways"
  echo "$size" >"$memory/size"
  echo decoder2.0 >"$memory/target0"
  echo 1 >"$memory/commit"
  echo "$region" >/sys/bus/cxl/drivers/cxl_region/bind
}

cxl_up() {
  local size mode
  size=$(($(mebibytes "$(attribute cxl.0 size)") << 20))
  mode=$(attribute cxl.0 mode)
  modprobe -a cxl_acpi cxl_pci cxl_mem dax_cxl device_dax
  if [ "$mode" = system-ram ]; then modprobe kmem; fi
  cxl_region "$size"
  await_file /sys/bus/dax/devices/dax0.0
  if [ "$mode" = devdax ]; then use_as_device; else await_file /sys/bus/dax/drivers/kmem/dax0.0; fi
}

# A CXL region's memory is meant for kmem by default; without it no driver takes the device.
use_as_device() {
  echo dax0.0 >/sys/bus/dax/drivers/device_dax/new_id
  await_file /sys/bus/dax/drivers/device_dax/dax0.0
}


pmem_up() {
  local number place
  modprobe -a nfit nd_pmem dax_pmem device_dax
  for number in $(machine_numbers pmem); do
    # A module without labels is one raw namespace, once the driver got to it.
    await_file "/sys/bus/nd/devices/namespace$number.0/driver"
    ndctl create-namespace --force -e "namespace$number.0" -m "$(attribute "pmem.$number" mode)"
    if [ "$(attribute "pmem.$number" mode)" = fsdax ]; then
      place=/mnt/pmem
      if [ "$number" -ne 0 ]; then place+=$number; fi
      mkdir -p "$place"
      mkfs.ext4 -q -b 4096 "/dev/pmem$number"
      mount -o dax=always "/dev/pmem$number" "$place"
    fi
  done
}

if machine_has cxl; then cxl_up; fi
if machine_has pmem; then pmem_up; fi
