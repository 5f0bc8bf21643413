// SPDX-License-Identifier: Apache-2.0
// Changes the pages under a live object without losing a write: private memory becomes placed
// shared pages (late placement) or the other way round (fork, and calls that only private memory
// supports). By copy and remap, block by block (copy_remap.h): a thread waits for microseconds. A
// block that is written faster than it can be copied is copied while its writers wait, about a
// millisecond; readers do not. Serialised by the runtime's lock; takes memory from the kernel,
// never from the heap; errors as errno values.
#pragma once

#include "allocators/extent/copy_remap.h"
#include "allocators/extent/tiered_extent.h"

namespace terrace::extent {

class Exchange {
 public:
  constexpr Exchange() = default;
  explicit Exchange(const CopyRemap& remap) : remap_(remap) {}
  bool possible() const { return remap_.possible(); }
  void close() { remap_.close(); }

  /// An ordinary object gets the tiers in arena.tiers_of(), for which blocks of DAX tiers are
  /// reserved. NUMA runs are bound and their pages
  /// moved by the kernel; shared runs are copied. EOPNOTSUPP when writers cannot be held off.
  /// After an error the blocks that stayed ordinary memory have kNoTier, the others their tier.
  int place(TieredExtents& extents, Object& object);
  /// One private block of a placed object goes to the device, file or link that arena.tiers_of()
  /// names for it by now. ENOMEM when there is no block. After an error it is private memory and
  /// has kNoTier.
  int place_block(TieredExtents& extents, Object& object, std::uint32_t index);
  /// Blocks become private anonymous memory with the same content.
  int make_private(TieredExtents& extents, Object& object, std::uint32_t first,
                   std::uint32_t count);

  /// Before fork: shared runs become copy-on-write views of their file, which nobody writes any
  /// more, so parent and child part exactly. Cheap: one mapping call for each run. Nothing reserves
  /// huge pages for the copies, and a write that gets none is a SIGBUS: where they could be short,
  /// with `promised_blocks` for the objects frozen before, it is copied to small private pages now.
  int freeze(TieredExtents& extents, Object& object, std::uint64_t promised_blocks);
  /// Huge pages that the two sides of a fork may want for copies of a frozen object.
  static std::uint64_t copies_of(const Object& object);

 private:
  static int open_file(TieredExtents& extents, Object& object);
  static void leave_ordinary(TieredExtents& extents, const Object& object, std::uint32_t block);
  int freeze_pool_run(TieredExtents& extents, Object& object, std::uint32_t first,
                      std::uint32_t count);
  int place_shared_block(TieredExtents& extents, Object& object, std::uint32_t block,
                         std::uint8_t tier);
  int pool_to_private(TieredExtents& extents, std::uint32_t first, std::uint32_t count,
                      std::uint8_t tier) const;
  int remap_block(void* at, const FilePages& pages) const;
  int copy_to_private(TieredExtents& extents, const Object& object, std::uint32_t block);
  int remap_to_private(void* at, const FilePages& pages) const;

  CopyRemap remap_;
};

}  // namespace terrace::extent
