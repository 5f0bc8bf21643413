// SPDX-License-Identifier: Apache-2.0
// What the mover needs of the kernel and the clock, as functions: real_kernel() fills them with the
// system's own, the unit tests with a machine of several nodes whose every answer they choose.
// The functions are called from several threads at once. Allocates.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <vector>

#include <terrace/result.h>
#include <terrace/units.h>

#include "allocators/os/mapping_facts.h"
#include "allocators/os/numa_memory.h"
#include "allocators/os/page_moves.h"

namespace terrace::migrate {

/// What lies in a range before it is moved.
struct RangeFacts {
  std::vector<os::MappingFacts> mappings;  ///< those that touch it, in order
  Bytes pinned_for_dma;                    ///< of the whole process: the kernel tells no more
};

struct Kernel {
  /// As os::query_pages, os::move_pages and os::huge_blocks.
  std::function<int(int pid, const void* const* pages, std::uint32_t count, int* status)> query;
  std::function<os::MoveCall(int pid, const void* const* pages, std::uint32_t count,
                             const int* nodes, int* status)>
      move;
  std::function<int(int pid, const void* at, std::uint32_t blocks, std::uint64_t* bitmap)>
      huge_blocks;
  /// Makes these nodes preferred for pages to come. An errno value.
  std::function<int(void* at, Bytes size, const os::NodeMask& nodes)> prefer;
  std::function<Result<RangeFacts>(int pid, std::uintptr_t begin, std::uintptr_t end)> examine;
  /// As sysfs tells them; 0 free and distance 255 when it does not.
  std::function<Bytes(NodeId node)> free_memory;
  std::function<int(NodeId from, NodeId to)> distance;
  std::function<Nanoseconds()> now;
  /// Waits to be notified or, when given, until a time; may return early.
  std::function<void(std::condition_variable& changed, std::unique_lock<std::mutex>& lock,
                     std::optional<Nanoseconds> until)>
      wait;
};

Kernel real_kernel();

}  // namespace terrace::migrate
