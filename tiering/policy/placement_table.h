// SPDX-License-Identifier: Apache-2.0
// Where each block lies, and every change of it: the mechanism that policies act through. It keeps
// capacities, and counts what moves cost each tier's link and which of them undo the last one.
// Between a policy (policy.h) and the simulator, which turns the counts into time.
// Not thread-safe; allocates on construction only. Each call is O(tiers) or less.
#pragma once

#include <cstdint>
#include <vector>

#include "tiering/policy/machine.h"

namespace terrace::policy {

/// Tier of a block that does not exist at present.
inline constexpr std::uint8_t kNowhere = 0xFF;

struct MoveCounts {
  std::uint64_t moves = 0;           ///< of one block each
  std::uint64_t back_and_forth = 0;  ///< moves to where the block's last move had taken it from
};

class PlacementTable {
 public:
  PlacementTable(const std::vector<std::uint64_t>& capacity_blocks, std::uint32_t blocks)
      : free_(capacity_blocks),
        link_blocks_(capacity_blocks.size(), 0),
        tier_of_(blocks, kNowhere),
        came_from_(blocks, kNowhere) {}

  std::size_t tiers() const { return free_.size(); }
  std::uint32_t blocks() const { return static_cast<std::uint32_t>(tier_of_.size()); }
  std::uint8_t tier_of(BlockId block) const { return tier_of_[block]; }
  std::uint64_t free_blocks(std::size_t tier) const { return free_[tier]; }
  std::uint64_t free_in_all() const;

  /// Puts a new block on `wanted`, or the next slower tier with room, or else the nearest faster
  /// one, and returns where. At least one block must be free.
  std::uint8_t allocate(BlockId block, std::size_t wanted);
  /// The block ends; its content is not moved.
  void release(BlockId block);

  /// False when that tier has no room, or the block is there already.
  bool move(BlockId block, std::uint8_t tier);
  /// Two blocks on different tiers change places; needs no room.
  void exchange(BlockId a, BlockId b);
  /// To the next slower tier with room; false when there is none.
  bool demote(BlockId block);

  const MoveCounts& counts() const { return counts_; }
  /// Blocks that moves have read from or written to each tier so far.
  const std::vector<std::uint64_t>& link_blocks() const { return link_blocks_; }

 private:
  void relocate(BlockId block, std::uint8_t tier);

  std::vector<std::uint64_t> free_;
  std::vector<std::uint64_t> link_blocks_;
  std::vector<std::uint8_t> tier_of_;
  std::vector<std::uint8_t> came_from_;  // tier before the block's last move
  MoveCounts counts_;
};

}  // namespace terrace::policy
