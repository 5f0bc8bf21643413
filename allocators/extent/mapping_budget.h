// SPDX-License-Identifier: Apache-2.0
// How many mappings objects may use. The kernel allows a process 65,530 (vm.max_map_count), and
// neighbouring runs of blocks under different policies never merge: 128 GiB striped block by block
// would use them all, and the program's own mmap would fail. So objects share half of them, and a
// stripe of too many runs is coarsened. What the process has beside ours is not counted: reading
// /proc/self/maps at each allocation would cost more than the placement.
// Serialised by the runtime's lock; never allocates.
#pragma once

#include <cstdint>

#include "allocators/extent/capacity.h"

namespace terrace::extent {

/// Runs of equal tier in a map.
std::uint32_t count_runs(const std::uint8_t* tiers, std::uint32_t blocks);

/// Rearranges a map to at most `runs` runs, or as many as it has tiers if that is more, keeping
/// each tier's blocks exactly. The map is cut into chunks of equal length (to one block) and each
/// chunk is ordered by tier, ascending and descending in turn, so that neighbours meet in the same
/// tier. With t tiers there are floor((runs - 1) / (t - 1)) chunks; each keeps its own blocks, so
/// every prefix holds each tier's blocks to within what one chunk holds of it, and at most half a
/// chunk too many or too few. O(blocks). Tier numbers are any byte values.
void coarsen(std::uint8_t* tiers, std::uint32_t blocks, std::uint32_t runs);

class MappingBudget {
 public:
  constexpr MappingBudget() = default;
  /// `max_mappings`: what the kernel allows the process.
  void set_limit(std::uint32_t max_mappings) { limit_ = max_mappings / 2; }

  std::uint32_t used() const { return used_; }
  std::uint32_t left() const { return used_ < limit_ ? limit_ - used_ : 0; }
  /// The most that one more object may take: a quarter of what is left, so that there always is
  /// something left for the next, but as many as it can have tiers while there are that many.
  std::uint32_t for_one_object() const;
  /// False, and nothing taken, when there are not so many left.
  bool take(std::uint32_t mappings);
  void give_back(std::uint32_t mappings) { used_ -= mappings; }

 private:
  std::uint32_t limit_ = 65530 / 2;
  std::uint32_t used_ = 0;
};

}  // namespace terrace::extent
