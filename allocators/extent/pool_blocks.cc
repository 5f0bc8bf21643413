// SPDX-License-Identifier: Apache-2.0
#include "allocators/extent/pool_blocks.h"

#include <cerrno>

#include "allocators/os/mapping.h"

namespace terrace::extent {
void PoolBlocks::configure(const Arena& arena, Capacity& capacity) {
  arena_ = &arena;
  capacity_ = &capacity;
}

void PoolBlocks::add_pool(std::uint32_t tier, backing::BlockPool& pool) {
  pools_[tier] = &pool;
  any_ = true;
}

std::uint32_t PoolBlocks::pool_block(std::uint32_t block) const {
  return arena_->pool_block_at(block) - 1;
}

/// Calls body(first, run) for each stretch of adjacent blocks that are adjacent in the pool too,
/// until one returns an error.
template <typename Body>
int PoolBlocks::for_each_extent(std::uint32_t first, std::uint32_t count, Body body) const {
  const std::uint32_t stop = first + count;
  for (std::uint32_t begin = first; begin < stop;) {
    const std::uint32_t entry = arena_->pool_block_at(begin);
    std::uint32_t end = begin + 1;
    while (end < stop && entry != 0 && arena_->pool_block_at(end) == entry + (end - begin)) ++end;
    if (entry != 0) {
      const int error = body(begin, backing::PoolRun{entry - 1, end - begin});
      if (error != 0) return error;
    }
    begin = end;
  }
  return 0;
}

/// The block's tier gives way to the next that has room.
bool PoolBlocks::spill(const Object& object, std::uint32_t index, TierSet without) {
  std::uint8_t& tier = arena_->tiers_of(object)[index];
  const std::uint32_t next = capacity_->take_block(tier, without);
  capacity_->give_back(tier);
  tier = next < kMaxTiers ? static_cast<std::uint8_t>(next) : kNoTier;
  return tier != kNoTier;
}

/// Claims what it can get in one piece for the blocks from `index` on; their number.
std::uint32_t PoolBlocks::claim(const Object& object, std::uint32_t index) {
  const std::uint8_t* const tiers = arena_->tiers_of(object);
  const std::uint8_t tier = tiers[index];
  std::uint32_t wanted = 1;
  while (index + wanted < object.block_count && tiers[index + wanted] == tier &&
         arena_->pool_block_at(object.first_block + index + wanted) == 0) {
    ++wanted;
  }
  if (abandoned_) return 0;
  const backing::PoolRun run = pools_[tier]->claim(wanted);
  for (std::uint32_t i = 0; i < run.count; ++i) {
    arena_->pool_block_at(object.first_block + index + i) = run.first + i + 1;
  }
  held_[tier] += run.count;
  return run.count;
}

int PoolBlocks::reserve(const Object& object, TierSet without) {
  if (!any_) return 0;
  int error = 0;
  const std::uint8_t* const tiers = arena_->tiers_of(object);
  for (std::uint32_t i = 0; i < object.block_count;) {
    const std::uint8_t tier = tiers[i];
    if (!on_pool(tier) || arena_->pool_block_at(object.first_block + i) != 0) {
      ++i;
    } else if (without.has(tier)) {
      if (!spill(object, i, without)) error = ENOMEM;
    } else if (const std::uint32_t got = claim(object, i); got > 0) {
      i += got;
    } else {
      without.add(tier);
    }
  }
  return error;
}

int PoolBlocks::map_object(const Object& object) {
  TierSet without;
  while (any_) {
    if (const int error = reserve(object, without); error != 0) return error;
    const std::uint8_t failed = map_reserved(object);
    if (failed == kNoTier) return 0;
    without.add(failed);
    unmap_tier(object, failed);
  }
  return 0;
}

/// The tier whose pool could not be mapped, or kNoTier.
std::uint8_t PoolBlocks::map_reserved(const Object& object) const {
  const std::uint8_t* const tiers = arena_->tiers_of(object);
  for (std::uint32_t begin = 0; begin < object.block_count;) {
    const std::uint8_t tier = tiers[begin];
    std::uint32_t end = begin + 1;
    while (end < object.block_count && tiers[end] == tier) ++end;
    if (on_pool(tier)) {
      const std::uint32_t first = object.first_block + begin;
      if (map_run(first, end - begin, tier) != 0) return tier;
      if (!pools_[tier]->starts_zeroed()) clear_run(first, end - begin);
    }
    begin = end;
  }
  return kNoTier;
}

void PoolBlocks::unmap_tier(const Object& object, std::uint8_t tier) {
  const std::uint8_t* const tiers = arena_->tiers_of(object);
  for (std::uint32_t i = 0; i < object.block_count; ++i) {
    if (tiers[i] != tier) continue;
    os::unmap_to_reservation(arena_->address_of(object.first_block + i), kBlockBytes);
    release(object, object.first_block + i, 1);
  }
}

int PoolBlocks::map_run(std::uint32_t first, std::uint32_t count, std::uint8_t tier) const {
  return for_each_extent(first, count, [&](std::uint32_t at, backing::PoolRun run) {
    return pools_[tier]->map(arena_->address_of(at), run);
  });
}

int PoolBlocks::map_run_private(std::uint32_t first, std::uint32_t count, std::uint8_t tier) const {
  return for_each_extent(first, count, [&](std::uint32_t at, backing::PoolRun run) {
    return os::map_private_file(arena_->address_of(at), size_of(run.count), pools_[tier]->fd(),
                                backing::BlockPool::offset_of(run.first));
  });
}

int PoolBlocks::map_view(char* view, std::uint32_t first, std::uint32_t count,
                         std::uint8_t tier) const {
  return for_each_extent(first, count, [&](std::uint32_t at, backing::PoolRun run) {
    return pools_[tier]->map(view + size_of(at - first).value, run);
  });
}

void PoolBlocks::clear_run(std::uint32_t first, std::uint32_t count) const {
  backing::BlockPool::clear(arena_->address_of(first), {pool_block(first), count});
}

void PoolBlocks::release(const Object& object, std::uint32_t first, std::uint32_t count) {
  if (!any_) return;
  const std::uint8_t* const tiers = arena_->tiers_of(object);
  const bool kept = abandoned_ || object.pages == Pages::kFrozen;
  for (std::uint32_t block = first; block < first + count; ++block) {
    std::uint32_t& entry = arena_->pool_block_at(block);
    const std::uint8_t tier = tiers[block - object.first_block];
    if (entry == 0 || !on_pool(tier)) continue;
    if (!kept) {
      pools_[tier]->give_back({entry - 1, 1});
      --held_[tier];
    }
    entry = 0;
  }
}

void PoolBlocks::abandon_in_child() {
  abandoned_ = true;
  for (std::uint32_t tier = 0; tier < kMaxTiers; ++tier) {
    if (pools_[tier] == nullptr) continue;
    pools_[tier]->abandon_in_child();
    capacity_->close_tier(tier);
    held_[tier] = 0;
  }
}

}  // namespace terrace::extent
