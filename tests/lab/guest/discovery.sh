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
  terrace topo --quiet | sed -E '1s/^.*, ([0-9]+ hardware threads), machine [0-9a-f]{16}$/CPU, \1, machine ID/
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

masked_text >/tmp/text
check 'terrace topo prints what is expected' diff "/lab/expected/$name.txt" /tmp/text
check_tiers
checks_done
