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

/// Drops from the oldest on, and of one no more than must go, until at most `most` blocks are kept.
void SpareExtents::make_room(TieredExtents& extents, std::uint64_t most) {
  while (blocks_ > most) {
    Object& oldest = *spares_[0].object;
    const std::uint64_t excess = blocks_ - most;
    if (excess >= oldest.block_count) {
      drop(extents, 0);
      continue;
    }
    give_back_tail(extents, oldest, oldest.block_count - static_cast<std::uint32_t>(excess));
    blocks_ = most;
  }
}

bool SpareExtents::keep(TieredExtents& extents, Object& object, Nanoseconds now) {
  const std::uint64_t room = std::min(kMaxBlocks, peak_ - live_);
  if (object.block_count > room) return false;
  make_room(extents, room - object.block_count);
  extents.arena().withdraw(object);
  object.pages = Pages::kSpare;
  object.key = ObjectKey{};
  const Spare whole = join_neighbours(extents, {&object, now});
  if (count_ == kMaxSpares) drop(extents, 0);
  std::uint32_t index = count_;
  while (index > 0 && spares_[index - 1].since > whole.since) --index;
  insert(index, whole);
  return true;
}

/// One extent of a freed one and the kept ones before and behind it, so that a longer object finds
/// it; they leave the list. It is as old as its largest part: a little that is used again and again
/// does not keep much that is not.
SpareExtents::Spare SpareExtents::join_neighbours(TieredExtents& extents, Spare spare) {
  std::uint32_t largest = spare.object->block_count;
  for (std::uint32_t i = count_; i-- > 0;) {
    const Spare other = spares_[i];
    Object& whole = *spare.object;
    const bool before = other.object->first_block + other.object->block_count == whole.first_block;
    const bool behind = whole.first_block + whole.block_count == other.object->first_block;
    if (!before && !behind) continue;
    if (other.object->block_count > largest) {
      largest = other.object->block_count;
      spare.since = other.since;
    }
    remove(i);
    before ? extents.join_ordinary(*other.object, whole)
           : extents.join_ordinary(whole, *other.object);
    if (before) spare.object = other.object;
  }
  return spare;
}

void SpareExtents::add_live(TieredExtents& extents, std::uint32_t blocks) {
  live_ += blocks;
  if (live_ > peak_) peak_ = live_;
  make_room(extents, peak_ - live_);
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
  Object* const object = remove_part(extents, best, blocks);
  object->pages = Pages::kOrdinary;
  return object;
}

void SpareExtents::take_behind(TieredExtents& extents, Object& object, std::uint32_t blocks) {
  for (std::uint32_t i = 0; i < count_ && object.block_count < blocks; ++i) {
    if (spares_[i].object->first_block != object.first_block + object.block_count) continue;
    extents.join_ordinary(object, *remove_part(extents, i, blocks - object.block_count));
    return;  // neighbours are one: nothing kept follows
  }
}

/// At most the first `blocks` blocks of a kept extent; the rest is kept on in its place.
Object* SpareExtents::remove_part(TieredExtents& extents, std::uint32_t index,
                                  std::uint32_t blocks) {
  const Nanoseconds since = spares_[index].since;
  Object* const object = remove(index);
  if (object->block_count <= blocks) return object;
  Object* const tail = extents.split_ordinary(*object, blocks);
  if (tail == nullptr) {
    give_back_tail(extents, *object, blocks);
    return object;
  }
  tail->pages = Pages::kSpare;
  insert(index, {tail, since});
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

void SpareExtents::insert(std::uint32_t index, const Spare& spare) {
  for (std::uint32_t i = count_; i > index; --i) spares_[i] = spares_[i - 1];
  spares_[index] = spare;
  ++count_;
  blocks_ += spare.object->block_count;
}

}  // namespace terrace::extent
