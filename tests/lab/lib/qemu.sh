# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# QEMU's command line from the machine that lib/machine.sh has read. To be sourced after it.
# All of it is plain emulation (TCG): no KVM, no network, no root.

qemu=()           # the command line, filled by qemu_command
kernel_words=()   # the kernel's, filled along with it

# qemu_command KERNEL INITRD RUN: needs a folder RUN for what belongs to this run alone.
qemu_command() {
  qemu=(qemu-system-x86_64 -nodefaults -no-user-config -display none -no-reboot
    -accel tcg,thread=multi -kernel "$1" -initrd "$2")
  # numa_balancing moves pages by itself; tests want to be the only ones who do.
  kernel_words=(console=ttyS0 panic=-1 numa_balancing=disable)
  qemu_processor
  qemu_memory
  qemu_nodes
  qemu_figures
  if machine_has cxl; then qemu_cxl; fi
  if machine_has pmem; then qemu_pmem "$3"; fi
  # shellcheck disable=SC2206  # words by intent
  kernel_words+=(${machine[kernel]})
}

qemu_processor() {
  local fitted unfitted each
  fitted=$(machine_sockets | wc -l)
  unfitted=$(machine_unfitted | wc -l)
  each=$(attribute node.0 cpus)
  # hypervisor=off: else the kernel refuses to commit a CXL region, with EIO.
  qemu+=(-cpu "max,hypervisor=off" -smp
    "$((fitted * each)),maxcpus=$(((fitted + unfitted) * each)),sockets=$((fitted + unfitted)),cores=$each,threads=1")
  # Processors that could be fitted later would make the kernel bring their nodes online.
  kernel_words+=("nr_cpus=$((fitted * each))")
  # While one processor sets up PCI, QEMU up to 10.0 may take another's write for a device of the
  # memory map as it was (an assertion of msix.c ended it so). guest/init starts the others when
  # devices are up. Sockets without a processor would count as memory alone: those start as usual.
  if [ "$fitted" -eq 1 ]; then kernel_words+=(maxcpus=1); fi
}

qemu_memory() {
  local node total=0 board=q35 more=''
  for node in $(machine_numbers node); do
    total=$((total + $(mebibytes "$(attribute "node.$node" size)")))
  done
  if machine_has hmat; then board+=,hmat=on; fi
  if machine_has cxl; then
    board+=,cxl=on,cxl-fmw.0.targets.0=cxl.1,cxl-fmw.0.size=4G
  fi
  if machine_has pmem; then board+=,nvdimm=on && more=,maxmem=8G,slots=4; fi
  qemu+=(-machine "$board" -m "${total}M$more")
}

qemu_nodes() {
  local node initiator
  # The kernel numbers nodes in the order in which ACPI's SRAT names them: processors, fitted or
  # not, and then memory. So an unfitted socket keeps its number, and stays offline.
  for node in $(machine_numbers node); do
    qemu+=(-object "memory-backend-ram,id=m$node,size=$(attribute "node.$node" size)")
  done
  for node in $( (machine_numbers node && machine_unfitted) | sort -n); do
    initiator=$(attribute "node.$node" initiator)
    if [ -n "${machine[node.$node]-}" ]; then
      qemu+=(-numa "node,nodeid=$node,memdev=m$node${initiator:+,initiator=$initiator}")
    else
      qemu+=(-numa "node,nodeid=$node")
    fi
  done
  for node in $( (machine_sockets && machine_unfitted) | sort -n); do
    qemu+=(-numa "cpu,node-id=$node,socket-id=$node")
  done
}

qemu_figures() {
  local from to key last
  last=$(machine_numbers node | tail -n 1)
  if machine_has distance; then
    for ((from = 0; from <= last; from++)); do
      for ((to = 0; to <= last; to++)); do
        qemu+=(-numa "dist,src=$from,dst=$to,val=$(node_distance "$from" "$to")")
      done
    done
  fi
  for key in $(printf '%s\n' "${!machine[@]}" | grep '^hmat\.' | sort); do
    from=${key#hmat.} to=${key#*-} from=${from%-*}
    qemu_hmat "$from" "$to" "$(attribute "$key" latency)" "$(attribute "$key" bandwidth)"
  done
}

# qemu_hmat FROM TO NANOSECONDS MIB_PER_S
qemu_hmat() {
  local place=initiator=$1,target=$2,hierarchy=memory
  qemu+=(-numa "hmat-lb,$place,data-type=access-latency,latency=$3"
    -numa "hmat-lb,$place,data-type=access-bandwidth,bandwidth=$4M")
}

# The way to the host bridge, as ACPI tells it: a generic port, which is a node of QEMU's and none
# of the guest's. To its figures the kernel adds those of the device itself.
qemu_generic_port() {
  local latency port from
  latency=$(attribute cxl.0 latency)
  if [ -z "$latency" ]; then return; fi
  port=$(($(machine_numbers node | tail -n 1) + 2))
  # The kernel gives the window of CXL memory the next number that no node has, and does not mind
  # that the port may have it; that number is left free here.
  qemu+=(-numa "node,nodeid=$((port - 1))" -numa "node,nodeid=$port"
    -object "acpi-generic-port,id=gp1,pci-bus=cxl.1,node=$port")
  for from in $(machine_sockets); do
    qemu_hmat "$from" "$port" "$latency" "$(attribute cxl.0 bandwidth)"
  done
}

# Every PCI device names its bus: with a second root bus present QEMU may choose the wrong one.
qemu_cxl() {
  qemu+=(-object "memory-backend-ram,id=cxlmem0,share=on,size=$(attribute cxl.0 size)"
    -device pxb-cxl,bus_nr=12,bus=pcie.0,id=cxl.1
    -device cxl-rp,port=0,bus=cxl.1,id=rp13,chassis=0,slot=2
    -device cxl-type3,bus=rp13,volatile-memdev=cxlmem0,id=cxl-vmem0,sn=0x1001)
  qemu_generic_port
}

qemu_pmem() {
  local run=$1 number size
  for number in $(machine_numbers pmem); do
    size=$(attribute "pmem.$number" size)
    truncate -s "$size" "$run/pmem$number"
    qemu+=(-object
      "memory-backend-file,id=pm$number,share=on,mem-path=$run/pmem$number,size=$size"
      -device "nvdimm,id=nv$number,memdev=pm$number")
  done
}

# qemu_channels RUN: the console to a log; the command's output, errors and exit status each by a
# virtio port of its own, which is no terminal: bytes pass as they are.
qemu_channels() {
  local name
  qemu+=(-serial "file:$1/console" -device virtio-serial-pci,bus=pcie.0,id=ports)
  for name in out err status; do
    qemu+=(-chardev "file,id=$name,path=$1/$name"
      -device "virtserialport,bus=ports.0,chardev=$name,name=$name")
  done
}
