// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/runtime/program.h"

#include <iterator>

namespace {

constexpr terrace::e2e::Case kCases[] = {
    TERRACE_CASE(dropped_entries_come_back),
    TERRACE_CASE(heap_calls),
    TERRACE_CASE(unmap_fragments),
    TERRACE_CASE(discard_zeroes),
    TERRACE_CASE(protect_parts),
    TERRACE_CASE(remap_grows_and_shrinks),
    TERRACE_CASE(spill),
    TERRACE_CASE(fill_every_tier),
    TERRACE_CASE(large_small_pages),
    TERRACE_CASE(map_file),
    TERRACE_CASE(late_placement),
    TERRACE_CASE(late_leaves_protected_parts),
    TERRACE_CASE(fork_snapshot),
    TERRACE_CASE(fork_while_watched),
    TERRACE_CASE(fork_discard),
    TERRACE_CASE(fork_and_exec_large),
    TERRACE_CASE(fork_while_allocating),
};

}  // namespace

int main(int argc, char** argv) {
  return terrace::e2e::run_case(argc, argv, kCases, std::size(kCases));
}
