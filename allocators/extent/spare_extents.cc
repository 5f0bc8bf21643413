// SPDX-License-Identifier: Apache-2.0
#include "allocators/extent/spare_extents.h"

#include <algorithm>

#include "allocators/os/mapping.h"

namespace terrace::extent {
namespace {

constexpr Bytes size_of(std::uint32_t blocks) {
  return Bytes(static_cast<std::uint64_t>(blocks) << kBlockShift);
}

/// The pages of the object's blocks from `first` on go back to the kernel.
void give_back_tail(Arena& arena, Object& object, std::uint32_t blocks) {
  os::unmap_to_reservation(arena.address_of(object.first_block + blocks),
                           size_of(object.block_count - blocks));
  arena.shrink(object, blocks);
}

}  // namespace

bool SpareExtents::keep(Arena& arena, Object& object, Nanoseconds now) {
  const std::uint64_t room = std::min(kMaxBlocks, peak_ - live_);
  if (object.block_count > room) return false;
  while (count_ == kMaxSpares || blocks_ + object.block_count > room) drop(arena, 0);
  arena.withdraw(object);
  object.pages = Pages::kSpare;
  object.key = ObjectKey{};
  spares_[count_++] = {&object, now};
  blocks_ += object.block_count;
  return true;
}

void SpareExtents::add_live(Arena& arena, std::uint32_t blocks) {
  live_ += blocks;
  if (live_ > peak_) peak_ = live_;
  while (count_ > 0 && live_ + blocks_ > peak_) drop(arena, 0);
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

Object* SpareExtents::take(Arena& arena, std::uint32_t blocks, std::uint32_t align_blocks) {
  const std::uint32_t best = find(arena, blocks, align_blocks);
  if (best == kMaxSpares) return nullptr;
  Object* const object = remove(best);
  if (object->block_count > blocks) give_back_tail(arena, *object, blocks);
  object->pages = Pages::kOrdinary;
  return object;
}

Nanoseconds SpareExtents::drop_old(Arena& arena, Nanoseconds now, Nanoseconds never) {
  while (count_ > 0 && spares_[0].since + kKept <= now) drop(arena, 0);
  return count_ > 0 ? spares_[0].since + kKept : never;
}

void SpareExtents::drop_in(Arena& arena, std::uint32_t first, std::uint32_t count) {
  for (std::uint32_t i = count_; i-- > 0;) {
    const Object& spare = *spares_[i].object;
    if (spare.first_block < first + count && first < spare.first_block + spare.block_count) {
      drop(arena, i);
    }
  }
}

void SpareExtents::drop(Arena& arena, std::uint32_t index) {
  Object* const object = remove(index);
  os::unmap_to_reservation(arena.address_of(object->first_block), size_of(object->block_count));
  arena.release(*object);
}

Object* SpareExtents::remove(std::uint32_t index) {
  Object* const object = spares_[index].object;
  blocks_ -= object->block_count;
  --count_;
  for (std::uint32_t i = index; i < count_; ++i) spares_[i] = spares_[i + 1];
  return object;
}

}  // namespace terrace::extent
