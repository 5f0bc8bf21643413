// SPDX-License-Identifier: Apache-2.0
// Extents that the program freed and may want again at once: staging buffers, arrays that grow,
// messages. They keep their address space and pages for a while, so that the next object of their
// size costs neither a mapping nor its faults. Only ordinary memory is kept: what lay on a tier
// goes back to it. What is kept and what lives together never exceed the most that ever lived at
// once, so that keeping does not raise the program's peak; the background thread drops what nobody
// asked for. Serialised by the runtime's lock; never allocates from the heap.
#pragma once

#include <cstdint>

#include <terrace/units.h>

#include "allocators/extent/tiered_extent.h"

namespace terrace::extent {

class SpareExtents {
 public:
  static constexpr std::uint32_t kMaxSpares = 64;
  /// glibc keeps as much at most: twice its largest mmap threshold (mallopt(3), M_TRIM_THRESHOLD).
  static constexpr std::uint64_t kMaxBlocks = 32;
  /// A loop that allocates and frees comes back sooner.
  static constexpr Nanoseconds kKept = milliseconds(500);

  constexpr SpareExtents() = default;

  /// Takes over an ordinary object that was freed, older ones making room; neighbours become one.
  /// False: it does not fit; the caller ends it.
  bool keep(TieredExtents& extents, Object& object, Nanoseconds now);
  /// A carved ordinary object over kept pages, whose content is what its last owner left, or
  /// nullptr. It has `blocks` blocks, or fewer when nothing larger is kept; what is left of a
  /// longer one stays kept.
  Object* take(TieredExtents& extents, std::uint32_t blocks, std::uint32_t align_blocks);
  /// Gives an ordinary object the kept blocks right behind it, until it has `blocks` or there are
  /// no more.
  void take_behind(TieredExtents& extents, Object& object, std::uint32_t blocks);
  /// Objects of so many blocks came to life; kept ones make room under the peak.
  void add_live(TieredExtents& extents, std::uint32_t blocks);
  void remove_live(std::uint32_t blocks) { live_ -= blocks; }
  /// Drops what is older than kKept; when the next one will be, or `never`.
  Nanoseconds drop_old(TieredExtents& extents, Nanoseconds now, Nanoseconds never);
  /// Drops any that lies in the blocks [first, first + count).
  void drop_in(TieredExtents& extents, std::uint32_t first, std::uint32_t count);

  std::uint64_t blocks() const { return blocks_; }

 private:
  struct Spare {
    Object* object = nullptr;
    Nanoseconds since;
  };

  void make_room(TieredExtents& extents, std::uint64_t most);
  void drop(TieredExtents& extents, std::uint32_t index);
  Object* remove(std::uint32_t index);
  Object* remove_part(TieredExtents& extents, std::uint32_t index, std::uint32_t blocks);
  void insert(std::uint32_t index, const Spare& spare);
  Spare join_neighbours(TieredExtents& extents, Spare spare);
  std::uint32_t find(const Arena& arena, std::uint32_t blocks, std::uint32_t align_blocks) const;

  Spare spares_[kMaxSpares];  ///< oldest first
  std::uint32_t count_ = 0;
  std::uint64_t blocks_ = 0;
  std::uint64_t live_ = 0;
  std::uint64_t peak_ = 0;  ///< of live_
};

}  // namespace terrace::extent
