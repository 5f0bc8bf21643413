// SPDX-License-Identifier: Apache-2.0
// Cases that the end-to-end tests run in a process of their own under the real shim. A case returns
// normally when all held; require() ends the process with 1 and says where.
#pragma once

#include <cstddef>
#include <cstdint>

namespace terrace::e2e {

inline constexpr std::size_t kMiB = 1u << 20;
inline constexpr std::size_t kBlock = 2 * kMiB;
/// Exit status of a case that needs huge pages and got small ones.
inline constexpr int kNoHugePages = 77;

void require_that(bool held, const char* what, const char* file, int line);
#define REQUIRE(condition) \
  ::terrace::e2e::require_that((condition), #condition, __FILE_NAME__, __LINE__)

void fill(void* at, std::size_t bytes, std::uint64_t round);
bool holds(const void* at, std::size_t bytes, std::uint64_t round);
bool is_zero(const void* at, std::size_t bytes);
/// Does a memory file of the runtime, or a pool of the tests, lie at `at`?
bool on_memory_file(const void* at);
struct Case {
  const char* name;
  void (*run)();
};
#define TERRACE_CASE(name) \
  { #name, &::terrace::e2e::name }
/// main() of such a program: runs the case that the first argument names. 2: there is none.
int run_case(int argc, char** argv, const Case* cases, std::size_t count);

/// Exit status of a child, 128 + signal when it was killed.
int wait_for(int pid);

void dropped_entries_come_back();
void heap_calls();
void unmap_fragments();
void discard_zeroes();
void protect_parts();
void remap_grows_and_shrinks();
void spill();
void fill_every_tier();
void large_small_pages();
void map_file();
void late_placement();
void late_leaves_protected_parts();
void fork_snapshot();
void fork_while_watched();
void fork_discard();
void fork_and_exec_large();
void fork_while_allocating();

}  // namespace terrace::e2e
