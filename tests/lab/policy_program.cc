// SPDX-License-Identifier: Apache-2.0
#include "tests/lab/policy_program.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "allocators/os/numa_memory.h"
#include "tests/lab/page_places.h"

namespace terrace::lab {
namespace {

constexpr std::size_t kBlock = 2 << 20;
constexpr unsigned kSeconds = 60;

void print(const char* at, std::size_t size) {
  const std::vector<int> nodes = places(at, size);
  std::printf("{\"index\":%zu,\"mappings\":%u,\"nodes\":{",
              reinterpret_cast<std::size_t>(at) / kBlock, mappings_in(at, size));
  const char* separator = "";
  for (const auto& [node, pages] : count_places(nodes)) {
    std::printf("%s\"%d\":%llu", separator, node, static_cast<unsigned long long>(pages));
    separator = ",";
  }
  std::printf("},\"blocks\":[");
  constexpr std::size_t kPages = kBlock / kPage;
  for (std::size_t block = 0; block < nodes.size() / kPages; ++block) {
    int node = nodes[block * kPages];
    for (std::size_t i = 1; i < kPages; ++i) {
      if (nodes[block * kPages + i] != node) node = -1;
    }
    std::printf("%s%d", block == 0 ? "" : ",", node);
  }
  std::printf("]}\n");
}

}  // namespace

int policy_program(char** arguments) {
  const std::size_t size = std::strtoul(arguments[0], nullptr, 10) << 20;
  alarm(kSeconds);
  auto* const at = static_cast<char*>(std::malloc(size));
  if (at == nullptr) return 1;
  for (std::size_t i = 0; i < size; i += kPage) at[i] = 1;
  if (std::strcmp(arguments[1], "late") == 0) {
    // The kernel tells nobody of a policy that another thread sets, it answers who asks; the alarm
    // ends a wait for what never comes.
    while (os::policy_at(at).kind == os::RangePolicy::Kind::kDefault) usleep(10000);
    // Its pages were moved before its last policy was set, which is one over all of them.
    while (os::policy_at(at).kind == os::RangePolicy::Kind::kPreferred) usleep(10000);
  }
  print(at, size);
  return 0;
}

}  // namespace terrace::lab
