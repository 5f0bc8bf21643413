# SPDX-License-Identifier: Apache-2.0
# needs redis-server redis-cli redis-benchmark
# Data by pipe, load by redis-benchmark, a BGSAVE (fork) under load, then a server from that file.
cli() { redis-cli -s "$PWD/redis.sock" "$@"; }
start() {
  redis-server --port 0 --unixsocket "$PWD/redis.sock" --dir "$PWD" --dbfilename dump.rdb --save '' \
    --appendonly no --enable-debug-command yes --loglevel warning >>redis.log 2>&1 &
  server=$!
  until cli ping >/dev/null 2>&1; do kill -0 "$server" || { cat redis.log; exit 1; }; done
}
start
awk 'NR <= 60000 { printf "SET key:%s value-%s-%s\r\nRPUSH list:%d %s\r\n", $2, $1, $2, NR % 50, $1 }' text |
  cli --pipe | tail -n 1
cli SETRANGE large 3000000 end
redis-benchmark -s "$PWD/redis.sock" -q -n 30000 -c 8 -P 4 -d 2000 -t ping_mbulk,get >/dev/null
cli BGSAVE
redis-benchmark -s "$PWD/redis.sock" -q -n 30000 -c 8 -P 4 -t ping_mbulk,get >/dev/null
while cli INFO persistence | grep -q '^rdb_bgsave_in_progress:1'; do :; done
cli INFO persistence | grep '^rdb_last_bgsave_status' | tr -d '\r'
cli DBSIZE
cli DEBUG DIGEST
cli SHUTDOWN NOSAVE
wait "$server"
echo "status $?"
start
cli DEBUG DIGEST
cli SHUTDOWN NOSAVE
wait "$server"
