// SPDX-License-Identifier: Apache-2.0
// Moves one piece of a tensor to a tier. Made and run by the context's own thread, for a tensor
// that is marked as moving; takes the memory's lock where it changes the account and while pages
// are exchanged, not while the kernel migrates. Allocates.
#pragma once

#include <array>
#include <cstdint>
#include <mutex>

#include "tiering/capi/failure.h"
#include "tiering/capi/job.h"
#include "tiering/capi/memory.h"
#include "tiering/migrate/mover.h"

namespace terrace::capi {

struct PieceResult {
  std::array<std::uint64_t, TERRACE_MAX_TIERS> blocks_from{};  ///< moved, by where they were
  std::uint64_t blocks = 0;                                    ///< moved
  Bytes adopted;                                               ///< moved, of adopted memory
  Nanoseconds longest_hold;

  void moved_blocks_from(std::uint8_t tier) {
    if (tier < TERRACE_MAX_TIERS) ++blocks_from[tier];
    ++blocks;
  }
  void note_hold(Nanoseconds hold) {
    if (hold > longest_hold) longest_hold = hold;
  }
  Bytes moved() const { return Bytes(blocks << kBlockShift) + adopted; }
};

class Piece {
 public:
  /// Blocks [first, end) of the tensor, counted from its start.
  Piece(Memory& memory, std::mutex& memory_lock, migrate::Mover& mover, Tensor& tensor,
        std::uint32_t first, std::uint32_t end, std::uint32_t to)
      : memory_(memory),
        memory_lock_(memory_lock),
        mover_(mover),
        tensor_(tensor),
        first_(first),
        end_(end),
        to_(to) {}

  /// The first reason why something did not move; result() tells what did.
  terrace_status run();
  const PieceResult& result() const { return result_; }

 private:
  const Tier& tier() const { return memory_.topology.tiers[to_]; }
  terrace_status move_run(std::uint32_t first, std::uint32_t count, std::uint8_t from);
  terrace_status migrate_run(std::uint32_t first, std::uint32_t count, std::uint8_t from,
                             std::unique_lock<std::mutex>& lock);
  terrace_status exchange(std::uint32_t first, std::uint32_t count, std::uint8_t from);
  terrace_status move_adopted();
  int exchange_block(std::uint32_t index, std::uint8_t from);
  std::uint32_t take_room(std::uint32_t count);
  void return_room(std::uint32_t blocks);
  void settle(std::uint32_t block, std::uint8_t from);
  bool is_there(const char* block) const;

  Memory& memory_;
  std::mutex& memory_lock_;
  migrate::Mover& mover_;
  Tensor& tensor_;
  const std::uint32_t first_;
  const std::uint32_t end_;
  const std::uint32_t to_;
  PieceResult result_;
};

}  // namespace terrace::capi
