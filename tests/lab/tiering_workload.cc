// SPDX-License-Identifier: Apache-2.0
// The workload that docs/kernel-tiering.md compares placements with: a cyclic scan over more memory
// than the fast node has, as a decode step reads weights, and a small part that is read many times
// a round. After each round it asks the kernel where every page is. Knows nothing of Terrace: it
// runs as it is, or under `terrace run`. For machines of the lab (guest/kernel_tiering.sh).
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "tests/lab/page_places.h"

namespace terrace::lab {
namespace {

struct Part {
  char* at = nullptr;
  std::size_t size = 0;
};

/// What happened to pages between two looks at them; `back` counts moves that undo the page's last.
struct Moves {
  std::uint64_t up = 0;
  std::uint64_t down = 0;
  std::uint64_t back = 0;
};

/// Where all pages of a part were when it was last asked, and which way each moved last.
class Watch {
 public:
  explicit Watch(const Part& part) : part_(part), way_(part.size / kPage, 0) {
    nodes_ = places(part.at, part.size);
  }
  Moves look() {
    Moves moves;
    const std::vector<int> now = places(part_.at, part_.size);
    for (std::size_t i = 0; i < now.size(); ++i) {
      if (now[i] == nodes_[i] || now[i] < 0 || nodes_[i] < 0) continue;
      const signed char way = now[i] < nodes_[i] ? 1 : -1;  // the fast node has the lower number
      ++(way > 0 ? moves.up : moves.down);
      if (way_[i] == -way) ++moves.back;
      way_[i] = way;
    }
    nodes_ = now;
    return moves;
  }
  std::map<int, std::uint64_t> by_node() const { return count_places(nodes_); }

 private:
  Part part_;
  std::vector<int> nodes_;
  std::vector<signed char> way_;
};

constexpr const char* kCounters[] = {
    "pgmigrate_success", "pgpromote_success", "pgpromote_candidate", "pgdemote_kswapd",
    "pgdemote_direct",   "numa_hint_faults",  "numa_pages_migrated"};

std::map<std::string, std::uint64_t> counters() {
  std::map<std::string, std::uint64_t> all;
  std::ifstream in("/proc/vmstat");
  std::string name;
  std::uint64_t value = 0;
  while (in >> name >> value) all[name] = value;
  return all;
}

Part allocate(std::size_t mib) {
  Part part{static_cast<char*>(std::malloc(mib << 20)), mib << 20};
  if (part.at == nullptr) std::exit(1);
  std::memset(part.at, 1, part.size);
  return part;
}

std::uint64_t read(const char* at, std::size_t size) {
  constexpr std::size_t kStride = 512;
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < size; i += kStride) {
    sum += static_cast<unsigned char>(static_cast<const volatile char*>(at)[i]);
  }
  return sum;
}

/// One step: all of the scanned part in order, and all of the hot part eight times in between.
std::uint64_t step(const Part& scanned, const Part& hot) {
  constexpr std::size_t kSlices = 8;
  std::uint64_t sum = 0;
  for (std::size_t slice = 0; slice < kSlices; ++slice) {
    const std::size_t begin = scanned.size / kSlices * slice;
    sum += read(scanned.at + begin, scanned.size / kSlices);
    sum += read(hot.at, hot.size);
  }
  return sum;
}

void print_places(const char* name, const Watch& watch) {
  std::printf(",\"%s\":{", name);
  const char* separator = "";
  for (const auto& [node, pages] : watch.by_node()) {
    std::printf("%s\"%d\":%llu", separator, node, static_cast<unsigned long long>(pages));
    separator = ",";
  }
  std::printf("}");
}

int run(std::size_t scanned_mib, std::size_t hot_mib, int rounds) {
  const Part scanned = allocate(scanned_mib);
  const Part hot = allocate(hot_mib);
  Watch scanned_watch(scanned);
  Watch hot_watch(hot);
  std::uint64_t sum = 0;
  std::printf("{\"rounds\":[");
  auto before = counters();
  for (int round = 0; round < rounds; ++round) {
    for (int i = 0; i < 4; ++i) sum += step(scanned, hot);
    const Moves cold = scanned_watch.look();
    const Moves warm = hot_watch.look();
    const auto after = counters();
    std::printf("%s{\"up\":%lu,\"down\":%lu,\"back\":%lu", round == 0 ? "" : ",", cold.up + warm.up,
                cold.down + warm.down, cold.back + warm.back);
    for (const char* name : kCounters) {
      const auto now = after.find(name);
      if (now == after.end()) continue;
      std::printf(",\"%s\":%llu", name,
                  static_cast<unsigned long long>(now->second - before.at(name)));
    }
    print_places("scanned", scanned_watch);
    print_places("hot", hot_watch);
    std::printf("}");
    before = after;
  }
  std::printf("],\"sum\":%llu}\n", static_cast<unsigned long long>(sum));
  return 0;
}

/// The whole process's policy, as numactl would set it. Nodes as a mask of the first 64.
bool interleave_by_weight(unsigned long nodes) {
  constexpr int kWeightedInterleave = 6;  // MPOL_WEIGHTED_INTERLEAVE, Linux 6.9
  return syscall(SYS_set_mempolicy, kWeightedInterleave, &nodes, 65) == 0;
}

}  // namespace
}  // namespace terrace::lab

int main(int count, char** arguments) {
  if (count != 4 && count != 5) {
    std::fprintf(stderr, "usage: %s SCANNED_MIB HOT_MIB ROUNDS [NODE_MASK]\n", arguments[0]);
    return 2;
  }
  if (count == 5 && !terrace::lab::interleave_by_weight(std::strtoul(arguments[4], nullptr, 0))) {
    std::perror("set_mempolicy");
    return 3;
  }
  return terrace::lab::run(std::strtoul(arguments[1], nullptr, 10),
                           std::strtoul(arguments[2], nullptr, 10), std::atoi(arguments[3]));
}
