// SPDX-License-Identifier: Apache-2.0
// allocation_programs NAME: runs one of the programs and prints its checksum.
#include <cinttypes>
#include <cstdio>
#include <cstring>

#include "bench/peers/programs/program.h"

namespace {

struct Entry {
  const char* name;
  std::uint64_t (*run)();
};

constexpr Entry kPrograms[] = {
    {"server", terrace::peers::server},
    {"remote_free", terrace::peers::remote_free},
    {"cache_scratch", terrace::peers::cache_scratch},
    {"mixed_sizes", terrace::peers::mixed_sizes},
    {"mixed_sizes_two", terrace::peers::mixed_sizes_two},
    {"numbers", terrace::peers::numbers},
    {"text_index", terrace::peers::text_index},
    {"shared_graph", terrace::peers::shared_graph},
    {"growing_arrays", terrace::peers::growing_arrays},
    {"staging", terrace::peers::staging},
};

}  // namespace

int main(int argc, char** argv) {
  for (const Entry& program : kPrograms) {
    if (argc != 2 || std::strcmp(argv[1], program.name) != 0) continue;
    std::printf("%s %016" PRIx64 "\n", program.name, program.run());
    return 0;
  }
  std::fprintf(stderr, "usage: allocation_programs NAME, one of:\n");
  for (const Entry& program : kPrograms) std::fprintf(stderr, "  %s\n", program.name);
  return 2;
}
