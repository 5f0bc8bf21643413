#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# kv_server_test.sh EXAMPLES [SECONDS [POLICY]]: docs/examples/kv_server under more load than its two
# tiers have room for. No answer may be wrong, lost or an error; requests must have waited for room,
# and blocks must have been found on both tiers, moved down and dropped, or the load was none.
set -euo pipefail
examples=$1
seconds=${2:-10}
policy=${3:-terrace}
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$work"' EXIT
cat >"$work/tiers.toml" <<END
only = true
[[tier]]
name = "near"
kind = "dram"
nodes = [0]
capacity = "64MiB"
bandwidth = "20GB/s"
[[tier]]
name = "far"
kind = "file"
backing = "dax"
path = "/dev/shm"
capacity = "96MiB"
bandwidth = "2GB/s"
END
mkfifo "$work/ready"
"$examples/kv_server" "$work/socket" --tiers "$work/tiers.toml" --pool near=256 --pool far=512 \
  --policy "$policy" >"$work/ready" &
server=$!
# Its first line says that it listens; no line: it has ended.
exec 3<"$work/ready"
read -r _ <&3
"$examples/kv_load" "$work/socket" --seconds "$seconds" | tee "$work/result"
kill -TERM "$server"
wait "$server"
server=

# value KEY: of the first such key.
value() { grep -o "\"$1\":[0-9.]*" "$work/result" | head -n 1 | cut -d: -f2; }
failed=
for key in wrong lost errors; do
  [ "$(value "$key")" = 0 ] || failed="$key is $(value "$key")"
done
for key in answered forks queued_requests reused_tokens evicted_blocks demoted_blocks copied_blocks; do
  [ "$(value "$key")" != 0 ] || failed="$key is 0: the load was too small"
done
if grep -q '"hit_blocks":0[,}]' "$work/result"; then failed='a tier without a hit'; fi
[ -z "$failed" ] || { echo "$failed"; exit 1; }
