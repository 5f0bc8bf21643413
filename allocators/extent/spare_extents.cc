// SPDX-License-Identifier: Apache-2.0
#include "allocators/extent/spare_extents.h"

#include <algorithm>

namespace terrace::extent {
namespace {

/// The pages of the object's blocks from `blocks` on go back to the kernel.
void give_back_tail(TieredExtents& extents, Object& object, std::uint32_t blocks) {
  extents.unmap_blocks(object, object.first_block + blocks, object.block_count - blocks);
  extents.arena().shrink(object, blocks);
}

}  // namespace

bool SpareExtents::keep(TieredExtents& extents, Object& object, Nanoseconds now) {
  const std::uint64_t room = std::min(kMaxBlocks, peak_ - live_);
  if (object.block_count > room) return false;
  while (count_ == kMaxSpares || blocks_ + object.block_count > room) drop(extents, 0);
  extents.arena().withdraw(object);
  object.pages = Pages::kSpare;
  object.key = ObjectKey{};
  spares_[count_++] = {&object, now};
  blocks_ += object.block_count;
  return true;
}

void SpareExtents::add_live(TieredExtents& extents, std::uint32_t blocks) {
  live_ += blocks;
  if (live_ > peak_) peak_ = live_;
  while (count_ > 0 && live_ + blocks_ > peak_) drop(extents, 0);
}

/// The tightest that is long enough, else the longest.
std::uint32_t SpareExtents::find(const Arena& arena, std::uint32_t blocks,
                                 std::uint32_t align_blocks) const {
  std::uint32_t best = kMaxSpares;
  for (std::uint32_t i = 0; i < count_; ++i) {
    const Object& spare = *spares_[i].object;
    const auto address = reinterpret_cast<std::uintptr_t>(arena.address_of(spare.first_block));
    if ((address >> kBlockShift) % align_blocks != 0) continue;
    if (best == kMaxSpares) {
      best = i;
      continue;
    }
    const std::uint32_t other = spares_[best].object->block_count;
    const bool fits = spare.block_count >= blocks;
    // Of equals the newest, whose pages are likeliest in the cache.
    if (fits ? other < blocks || spare.block_count <= other
             : other < blocks && spare.block_count >= other) {
      best = i;
    }
  }
  return best;
}

Object* SpareExtents::take(TieredExtents& extents, std::uint32_t blocks,
                           std::uint32_t align_blocks) {
  const std::uint32_t best = find(extents.arena(), blocks, align_blocks);
  if (best == kMaxSpares) return nullptr;
  Object* const object = remove(best);
  if (object->block_count > blocks) give_back_tail(extents, *object, blocks);
  object->pages = Pages::kOrdinary;
  return object;
}

Nanoseconds SpareExtents::drop_old(TieredExtents& extents, Nanoseconds now, Nanoseconds never) {
  while (count_ > 0 && spares_[0].since + kKept <= now) drop(extents, 0);
  return count_ > 0 ? spares_[0].since + kKept : never;
}

void SpareExtents::drop_in(TieredExtents& extents, std::uint32_t first, std::uint32_t count) {
  for (std::uint32_t i = count_; i-- > 0;) {
    const Object& spare = *spares_[i].object;
    if (spare.first_block < first + count && first < spare.first_block + spare.block_count) {
      drop(extents, i);
    }
  }
}

void SpareExtents::drop(TieredExtents& extents, std::uint32_t index) {
  Object* const object = remove(index);
  extents.unmap(*object);
  extents.return_mappings(*object);
  extents.arena().release(*object);
}

Object* SpareExtents::remove(std::uint32_t index) {
  Object* const object = spares_[index].object;
  blocks_ -= object->block_count;
  --count_;
  for (std::uint32_t i = index; i < count_; ++i) spares_[i] = spares_[i + 1];
  return object;
}

}  // namespace terrace::extent
