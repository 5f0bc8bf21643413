# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Reads a machine file: what the lab boots, as data. Used on the host, to make QEMU's command line,
# and in the guest, to check that the machine came out as described. To be sourced.
#
# A machine file holds `key = value` lines; `#` begins a comment line. Numbers of nodes are those
# that the guest's kernel shows. Sizes end in M or G.
#   about = TEXT                      one line for --list
#   node.N = size=S [cpus=K] [initiator=M]
#       memory node N. With cpus it is a socket with K processors; all sockets have the same K.
#       Sockets have the lowest numbers. Numbers left out right behind them are sockets that are
#       not fitted: the guest shows a hole there.
#   distance.A-B = D                  ACPI SLIT, both ways; default 10 to itself, else 20
#   hmat.I-T = latency=NS bandwidth=MIB_PER_S     from socket I to node T (ACPI HMAT)
#   cxl.0 = size=S mode=system-ram|devdax [latency=NS bandwidth=MIB_PER_S]
#       one CXL type-3 device with volatile memory; the figures are those of the way to its host
#       bridge. Not together with pmem.
#   pmem.N = size=S mode=fsdax|devdax     fsdax: ext4 with dax=always on /mnt/pmem (N=0), /mnt/pmemN
#   kernel = WORD...                  more kernel arguments
#   programs = NAME...                more programs: of the host by name, of the build by path
#   test = NAME                       a script of guest/ or a program of BUILD/tests/lab; repeatable
#   timeout = SECONDS                 for one boot with all its tests; default 240

declare -A machine=()

# read_machine FILE: fills `machine`; complains with place and remedy, and returns 1.
read_machine() {
  local file=$1 line number=0 key value
  machine=([timeout]=240 [kernel]='' [programs]='' [test]='')
  while IFS= read -r line || [ -n "$line" ]; do
    number=$((number + 1))
    [[ $line =~ ^[[:space:]]*(#|$) ]] && continue
    if ! [[ $line =~ ^([a-z]+(\.[0-9]+(-[0-9]+)?)?)[[:space:]]*=[[:space:]]*(.*[^[:space:]])[[:space:]]*$ ]]; then
      machine_fault "$file:$number" "'$line' is not 'key = value'" && return 1
    fi
    key=${BASH_REMATCH[1]} value=${BASH_REMATCH[4]}
    machine_entry_known "$key" "$value" "$file:$number" || return 1
    case $key in
      kernel | programs | test) machine[$key]="${machine[$key]:+${machine[$key]} }$value" ;;
      *) machine[$key]=$value ;;
    esac
  done <"$file"
  machine_consistent "$file"
}

# machine_fault PLACE TEXT: the one form of complaint; succeeds, so that `&& return 1` may follow.
machine_fault() { printf '%s: %s (the format: tests/lab/lib/machine.sh)\n' "$1" "$2" >&2; }

machine_entry_known() {
  local key=$1 value=$2 place=$3 names word
  case $key in
    about | kernel | programs | test) return 0 ;;
    timeout | distance.*-*) [[ $value =~ ^[1-9][0-9]*$ ]] && return 0
      machine_fault "$place" "$key needs a whole number, not '$value'" && return 1 ;;
    node.*-* | cxl.*-* | pmem.*-*) machine_fault "$place" "$key takes one number" && return 1 ;;
    node.*) names='size|cpus|initiator' ;;
    hmat.*-*) names='latency|bandwidth' ;;
    cxl.0) names='size|mode|latency|bandwidth' ;;
    pmem.*) names='size|mode' ;;
    *) machine_fault "$place" "unknown key '$key'" && return 1 ;;
  esac
  for word in $value; do
    [[ $word =~ ^($names)=(system-ram|devdax|fsdax|[1-9][0-9]*[MG]?|0)$ ]] && continue
    machine_fault "$place" "$key does not take '$word'" && return 1
  done
}

# machine_numbers PREFIX: the numbers of PREFIX.N, ascending, one a line.
machine_numbers() {
  local key
  for key in "${!machine[@]}"; do
    if [[ $key =~ ^$1\.([0-9]+)$ ]]; then printf '%s\n' "${BASH_REMATCH[1]}"; fi
  done | sort -n
}

# attribute KEY NAME: the value of NAME= in the entry KEY; nothing where it has none.
attribute() {
  local word
  for word in ${machine[$1]-}; do
    [[ $word == "$2="* ]] && printf '%s\n' "${word#*=}" && return 0
  done
  return 0
}

# mebibytes SIZE: 512M -> 512, 1G -> 1024.
mebibytes() {
  case $1 in
    *G) printf '%d\n' $((${1%G} * 1024)) ;;
    *M) printf '%d\n' "${1%M}" ;;
    *) return 1 ;;
  esac
}

# node_distance A B: what the SLIT says.
node_distance() {
  local both=${machine[distance.$1-$2]:-${machine[distance.$2-$1]:-}}
  if [ "$1" -eq "$2" ]; then both=10; fi
  printf '%s\n' "${both:-20}"
}

# machine_has PREFIX: some PREFIX.* entry is there.
machine_has() {
  local key
  for key in "${!machine[@]}"; do
    [[ $key == "$1".* ]] && return 0
  done
  return 1
}

machine_sockets() {
  local node
  for node in $(machine_numbers node); do
    if [ -n "$(attribute "node.$node" cpus)" ]; then printf '%s\n' "$node"; fi
  done
}

# machine_unfitted: numbers below the highest node that no entry describes.
machine_unfitted() {
  local node last
  last=$(machine_numbers node | tail -n 1)
  for ((node = 0; node <= last; node++)); do
    if [ -z "${machine[node.$node]-}" ]; then printf '%s\n' "$node"; fi
  done
}

machine_consistent() {
  local file=$1 node expected=0 seen_memory=no cpus=''
  for node in $(machine_numbers node); do
    mebibytes "$(attribute "node.$node" size)" >/dev/null 2>&1 ||
      { machine_fault "$file" "node.$node needs size=, such as 512M" && return 1; }
    if [ -n "$(attribute "node.$node" cpus)" ]; then
      if [ "$node" -ne "$expected" ] || [ "$seen_memory" = yes ]; then
        machine_fault "$file" "nodes with cpus need the lowest numbers, without a hole" && return 1
      fi
      : "${cpus:=$(attribute "node.$node" cpus)}"
      [ "$cpus" = "$(attribute "node.$node" cpus)" ] ||
        { machine_fault "$file" "node.$node: all sockets need the same cpus" && return 1; }
    elif [ "$seen_memory" = yes ] && [ "$node" -ne "$expected" ]; then
      machine_fault "$file" "a hole in the numbers can only be right behind the sockets" && return 1
    else
      seen_memory=yes
    fi
    expected=$((node + 1))
  done
  [ -n "$cpus" ] || { machine_fault "$file" "node.0 needs cpus=" && return 1; }
  if machine_has pmem && { machine_has cxl || machine_has hmat; }; then
    # Seen with QEMU 10: the firmware then passes on neither HMAT nor CEDT, and says nothing.
    machine_fault "$file" "pmem does not go with cxl or hmat on one machine" && return 1
  fi
}
