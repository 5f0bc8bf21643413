#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# by_sudo.sh LIMIT COMMAND...: as root, runs COMMAND, which is another user's, with huge pages to be
# had for half of the free memory, and gives back what it raised LIMIT by
# (/proc/sys/vm/nr_overcommit_hugepages). That user could not raise it.
set -euo pipefail
limit=$1
shift
before=$(cat "$limit")
raised=$((before + $(sed -nE 's/^MemAvailable: +([0-9]+) kB/\1/p' /proc/meminfo) / 2 / 2048))
child=
give_back() {
  if [ -n "$child" ]; then
    kill "$child" 2>/dev/null || true
    wait "$child" 2>/dev/null || true
  fi
  local now
  now=$(cat "$limit")
  # Others may have changed it meanwhile.
  echo $((now > raised - before ? now - (raised - before) : 0)) >"$limit"
}
trap give_back EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
echo "$raised" >"$limit"
"$@" &
child=$!
status=0
wait "$child" || status=$?
child=
exit "$status"
