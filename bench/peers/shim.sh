#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shim.sh [--json] [--rounds N] [--only NAME[,NAME...]] [--build DIR]: what the preload shim costs.
# Each program runs alone on each heap and with Terrace in front of that heap, one after the other,
# N rounds (3); libmemtier (memkind) is measured beside them over glibc. Prints for each program the
# median over the rounds of the ratio of CPU time and of peak resident memory, Terrace over a heap to
# that heap alone, with the spread; then the geometric means, once more without the two programs that allocate
# large blocks only; then what a small malloc + free pair gains in nanoseconds. --json: ends with one
# line of JSON. About 4 minutes for three rounds.
#
# Terrace places everything from its default thresholds on (one_tier_flat), since a shim that passes
# through costs less than what is asked here.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
# shellcheck source=../lib/packages.sh
. "$root/bench/lib/packages.sh"
# shellcheck source=../lib/build.sh
. "$root/bench/lib/build.sh"
build=$root/build/release
rounds=3
json=0
only=
while [ $# -gt 0 ]; do
  case $1 in
    --json) json=1 ;;
    --rounds) rounds=$2; shift ;;
    --only) only=$2; shift ;;
    --build) build=$2; shift ;;
    *) sed -n '3,5p' "$0" | cut -c3- >&2; exit 2 ;;
  esac
  shift
done

require_packages build peers
[ "$build" != "$root/build/release" ] ||
  build_release allocation_programs run_measured one_tier_flat malloc_pair_benchmark terrace-preload

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
shim=$build/libterrace-preload.so
measured=$build/bench/run_measured
"$build/bench/one_tier_flat" "$work/flat" 4096

library() { # library NAME: its path as the dynamic linker knows it
  /sbin/ldconfig -p | awk -v name="$1" '$1 == name && !found++ { print $NF }'
}
heaps=(glibc jemalloc mimalloc tcmalloc tbbmalloc)
declare -A heap_library=([glibc]='' [jemalloc]=$(library libjemalloc.so.2)
  [mimalloc]=$(library libmimalloc.so.2) [tcmalloc]=$(library libtcmalloc_minimal.so.4)
  [tbbmalloc]=$(library libtbbmalloc_proxy.so.2))
memtier=$(library libmemtier.so.0)

programs=(server remote_free cache_scratch mixed_sizes mixed_sizes_two numbers text_index
  shared_graph growing_arrays staging python g++ redis)
[ -z "$only" ] || IFS=, read -ra programs <<<"$only"

cat >"$work/index.py" <<'PYTHON'
import json, re
words = {}
for i in range(300000):
    words.setdefault("term-%d" % (i * 7919 % 20011), []).append(str(i))
text = json.dumps(words)
print(len(text), len(re.findall(r"\d+", text)), sum(len(json.loads(text)[k]) for k in list(words)[:3]))
PYTHON
printf '%s\n' '#include <algorithm>' '#include <functional>' '#include <map>' '#include <regex>' \
  '#include <string>' '#include <unordered_map>' '#include <vector>' \
  'int main(int argc, char** argv) { std::regex r("(a|b)*c"); std::map<std::string, int> m;' \
  'for (int i = 0; i < argc; ++i) m[argv[i]] += std::regex_match(argv[i], r); return m.size(); }' \
  >"$work/unit.cc"

# A server of real clients: the server alone is measured, its clients run without any preload.
redis_run() { # redis_run OUT PRELOAD
  local socket=$work/redis.sock server
  rm -f "$socket"
  "$measured" "$1" "${@:2}" -- redis-server --port 0 --unixsocket "$socket" --save '' \
    --appendonly no --loglevel warning --dir "$work" --pidfile '' >"$work/redis.log" 2>&1 &
  server=$!
  until redis-cli -s "$socket" ping >/dev/null 2>&1; do
    kill -0 "$server" 2>/dev/null || { cat "$work/redis.log" >&2; return 1; }
  done
  redis-benchmark -s "$socket" -q -n 60000 -r 20000 -d 700 -c 8 -P 8 -t set,get,lpush,lpop,hset \
    >"$work/redis.clients"
  redis-cli -s "$socket" shutdown nosave >/dev/null 2>&1 || true
  wait "$server"
}

run_program() { # run_program NAME OUT OPTION...
  local name=$1 out=$2
  shift 2
  case $name in
    python) "$measured" "$out" "$@" -- python3 "$work/index.py" >/dev/null ;;
    g++) "$measured" "$out" "$@" -- g++ -std=c++20 -O1 -S -o /dev/null "$work/unit.cc" ;;
    redis) redis_run "$out" "$@" ;;
    *) "$measured" "$out" "$@" -- "$build/bench/allocation_programs" "$name" >/dev/null ;;
  esac
}

measure() { # measure MODE HEAP PROGRAM OPTION...
  if ! run_program "$3" "$work/figures" "${@:4}" 2>"$work/messages"; then
    printf 'shim.sh: %s failed under %s (%s)\n' "$3" "$1" "$2" >&2
    cat "$work/messages" >&2
    [ "$1" = memtier ] || exit 1
    return 0
  fi
  read -r cpu rss <"$work/figures"
  printf '%s %s %s %s %s\n' "$1" "$2" "$3" "$cpu" "$rss" >>"$work/results"
}

# alone and with Terrace, the first of the two by turns; MEMKIND_MEM_TIERS is libmemtier's own.
for ((round = 1; round <= rounds; ++round)); do
  for program in "${programs[@]}"; do
    [ -t 2 ] && printf '\r\033[Kround %d of %d: %s' "$round" "$rounds" "$program" >&2
    for heap in "${heaps[@]}"; do
      behind=${heap_library[$heap]}
      alone=(measure alone "$heap" "$program" --preload "$behind")
      with=(measure with "$heap" "$program" --preload "$shim${behind:+:$behind}"
        --set "TERRACE_PLAN_FILE=$work/flat")
      if ((round % 2)); then "${alone[@]}"; "${with[@]}"; else "${with[@]}"; "${alone[@]}"; fi
    done
    measure memtier glibc "$program" --preload "$memtier" \
      --set 'MEMKIND_MEM_TIERS=KIND:DRAM,RATIO:1;POLICY:STATIC_RATIO'
  done
done
[ -t 2 ] && printf '\r\033[K' >&2

for ((round = 1; round <= 5; ++round)); do
  for mode in alone with; do
    LD_PRELOAD=$([ $mode = with ] && echo "$shim") TERRACE_PLAN_FILE=$work/flat \
      "$build/bench/malloc_pair_benchmark" --benchmark_min_time=0.05 --benchmark_format=csv \
      2>/dev/null | awk -F, -v mode="$mode" '/^"/ { gsub(/"/, "", $1); print mode, $1, $4 }' \
      >>"$work/pairs"
  done
done
awk -f "$here/shim_table.awk" -v json="$json" "$work/results" "$work/pairs"
