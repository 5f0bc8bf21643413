#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Whether discovery tells of this machine what a person expects who knows it: the text of
# terrace topo against expected/MACHINE.txt, and the tiers of --json against expected/MACHINE.tiers.
# What varies is masked: the host's CPU and the identity made of it, sizes (the kernel keeps some
# memory to itself, and how much depends on what was booted), and the numbers of memory tiers.
set -euo pipefail
. /lab/lib/machine.sh
. /lab/guest/check.sh
read_machine /lab/machine
name=$(cat /lab/name)

masked_text() {
  terrace topo --quiet | sed -E '1s/^.*, ([0-9]+ hardware threads?), machine [0-9a-f]{16}$/CPU, \1, machine ID/
    s/[0-9.]+ [KMG]iB \(sysfs\)/SIZE (sysfs)/' | awk '
    /^$/ { rows = 0 }
    rows { sub(/[0-9.]+ [KMG]iB/, "SIZE"); $5 = $5 == "-" ? "-" : "N" }
    /^node / { rows = 1 }
    { gsub(/ +/, " "); print }'
}

# One line a tier: name, kind, backing, use, where, capacity in MiB and its source, bandwidth and
# its source, latency and its source. Relies on print_json's indentation of two blanks a level.
tiers_of_json() {
  terrace topo --json --quiet | awk '
    function value(line) { sub(/^[^:]*: /, "", line); gsub(/[",]/, "", line); return line }
    /^  "tiers": \[/ { tiers = 1 }
    /^  \]/ { tiers = 0 }
    !tiers { next }
    /^    \{/ { delete v; where = "" }
    /^      "(name|kind|backing|use|path)"/ { split($0, part, "\""); v[part[2]] = value($0) }
    /^      "[a-z_]+": (\{|\[)/ { split($0, part, "\""); of = part[2] }
    of == "nodes" && /^        [0-9]/ { where = where (where == "" ? "" : "+") ($1 + 0) }
    /^        "value"/ { v[of] = value($0) }
    /^        "provenance"/ { from[of] = value($0) }
    /^    \}/ {
      if ("path" in v) where = v["path"]
      print v["name"], v["kind"], v["backing"], v["use"], where, int(v["capacity_bytes"] / 1048576),
        from["capacity_bytes"], v["read_bandwidth_gbps"], from["read_bandwidth_gbps"],
        v["idle_latency_ns"], from["idle_latency_ns"]
    }'
}

# within_percent PERCENT WANT HAVE: HAVE is at most WANT, and less by no more than PERCENT.
within_percent() {
  [ "$3" -le "$2" ] && [ $(($3 * 100)) -ge $(($2 * (100 - $1))) ] || { echo "of $2 there are $3" && return 1; }
}

# Sizes are compared with what the machine was given, the rest word by word.
check_tiers() {
  local want have want_line have_line
  want=$(grep -v '^#' "/lab/expected/$name.tiers")
  have=$(tiers_of_json)
  check_equal 'number of tiers' "$(wc -l <<<"$want")" "$(wc -l <<<"$have")"
  paste -d '|' <(printf '%s\n' "$want") <(printf '%s\n' "$have") >/tmp/tiers
  while IFS='|' read -r want_line have_line; do
    read -ra want <<<"$want_line"
    read -ra have <<<"$have_line"
    check "capacity of tier ${want[0]}" within_percent 25 "${want[5]}" "${have[5]:-0}"
    want[5]=SIZE have[5]=SIZE
    check_equal 'tier, in order' "${want[*]}" "${have[*]}"
  done </tmp/tiers
}

# A control group's limit holds for all nodes together, and for no device.
check_limit() {
  local group=/sys/fs/cgroup/limited mebibytes=200
  echo +memory >/sys/fs/cgroup/cgroup.subtree_control
  mkdir "$group"
  echo $((mebibytes << 20)) >"$group/memory.max"
  ( echo $BASHPID >"$group/cgroup.procs"; tiers_of_json >/tmp/tiers; terrace topo --quiet >/tmp/text )
  rmdir "$group"
  # Less what is in use, and some for small blocks.
  check 'memory of nodes under a limit, MiB' within_percent 25 "$mebibytes" \
    "$(awk '$3 == "numa" { sum += $6 } END { print sum }' /tmp/tiers)"
  check_equal 'memory of devices is as before' "$(grep ' dax ' "/lab/expected/$name.tiers" | wc -l)" \
    "$(awk '$3 == "dax" && $6 > 0' /tmp/tiers | wc -l)"
  check 'and it is said' grep -q "memory limit: $group/memory.max" /tmp/text
}

# doctor tries what the tiers of this machine need; what is not there it does not claim.
check_doctor() {
  local devices='no ' files='no '
  if grep -q ' dax .* /dev/dax' "/lab/expected/$name.tiers"; then devices='yes /dev/dax0.0 can be mapped'; fi
  if grep -q ' dax .* /mnt/pmem' "/lab/expected/$name.tiers"; then files='yes /mnt/pmem maps its memory'; fi
  terrace doctor --quiet | tr -s ' ' >/tmp/doctor
  check 'doctor maps devices where there are any' grep -q "^${devices%% *} dax devices .*${devices#* }" /tmp/doctor
  check 'doctor maps files where there are any' grep -q "^${files%% *} fsdax .*${files#* }" /tmp/doctor
  check 'doctor finds weights' grep -q '^yes interleave weights node 0: 1' /tmp/doctor
  check 'pages stay in place' grep -q '^yes kernel leaves pages in place' /tmp/doctor
  echo 1 >/proc/sys/kernel/numa_balancing
  terrace doctor --quiet | tr -s ' ' >/tmp/doctor
  echo 0 >/proc/sys/kernel/numa_balancing
  # With one node there is nowhere to move them.
  if grep -q '[,-]' /sys/devices/system/node/has_memory; then devices=partly; else devices=yes; fi
  check 'doctor warns of the kernel moving pages' grep -q "^$devices kernel leaves pages in place" /tmp/doctor
}

# A device that a user may not open is no tier of theirs.
check_rights() {
  if [ ! -e /dev/dax0.0 ] || ! grep -q ' /dev/dax0.0 ' "/lab/expected/$name.tiers"; then return; fi
  su -s /bin/sh nobody -c '/opt/terrace/terrace topo --quiet' >/tmp/text
  check 'others are told why they have no device' grep -q '/dev/dax0.0 cannot be opened' /tmp/text
  check_equal 'and have no tier of it' 0 "$(grep -c '^[a-z0-9]* *[a-z]* */dev/dax0.0 ' /tmp/text)"
}

masked_text >/tmp/text
check 'terrace topo prints what is expected' diff "/lab/expected/$name.txt" /tmp/text
check_tiers
check_limit
check_doctor
check_rights
checks_done
