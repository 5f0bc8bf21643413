// SPDX-License-Identifier: Apache-2.0
#include "allocators/extent/tiered_extent.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "allocators/os/mapping.h"

namespace terrace::extent {
namespace {

constexpr std::uint32_t kHugeFromBlocks = 4;

/// Blocks that the object uses from end to end.
std::uint32_t whole_blocks_of(const Object& object) {
  return static_cast<std::uint32_t>(object.size_bytes >> kBlockShift);
}

}  // namespace

void TieredExtents::configure(Arena& arena, backing::LinkEngine& links, BindMode bind,
                              Observation observation) {
  arena_ = &arena;
  links_ = &links;
  bind_ = bind;
  observation_ = observation;
  mappings_.set_limit(os::max_mappings());
}

bool TieredExtents::is_shared(std::uint8_t tier) const {
  if (tier == kNoTier) return false;
  return observation_ == Observation::kBlocks ||
         tiers_[tier].backing == BackingKind::kEmulatedLink || pools_.on_pool(tier);
}

bool TieredExtents::any_shared(const Object& object) const {
  const std::uint8_t* tiers = arena_->tiers_of(object);
  for (std::uint32_t i = 0; i < object.block_count; ++i) {
    if (is_shared(tiers[i])) return true;
  }
  return false;
}

bool TieredExtents::needs_file(const Object& object) const {
  const std::uint8_t* tiers = arena_->tiers_of(object);
  for (std::uint32_t i = 0; i < object.block_count; ++i) {
    if (is_shared(tiers[i]) && !pools_.on_pool(tiers[i])) return true;
  }
  return false;
}

FilePages TieredExtents::file_pages(const Object& object, std::uint32_t block) const {
  const std::uint8_t tier = arena_->tiers_of(object)[block - object.first_block];
  if (pools_.on_pool(tier)) {
    return {pools_.pool(tier).fd(), backing::BlockPool::offset_of(pools_.pool_block(block))};
  }
  return {object.file.fd(), static_cast<std::uint64_t>(block - object.first_block) << kBlockShift};
}

int TieredExtents::map_ordinary(Object& object) {
  object.pages = Pages::kOrdinary;
  const std::uint32_t needed = whole_blocks_of(object) >= kHugeFromBlocks ? 2 : 1;
  if (!mappings_.take(needed)) return ENOMEM;
  object.mappings = needed;
  const int error = map_ordinary_tail(object, 0);
  if (error != 0) return_mappings(object);
  return error;
}

int TieredExtents::map_ordinary_tail(const Object& object, std::uint32_t first) {
  char* const base = arena_->address_of(object.first_block);
  const int error = os::map_private(base + size_of(first).value,
                                    size_of(object.block_count - first), os::PageAdvice::kNone);
  // A huge page costs its whole 2 MiB at the first touch. Objects of a few blocks are often touched
  // in places only, and the last block is used in part. From the start, so that what was advised
  // before and what is new stay one mapping.
  const std::uint32_t whole = whole_blocks_of(object);
  if (error == 0 && whole >= kHugeFromBlocks) os::advise_huge(base, size_of(whole));
  return error;
}

void TieredExtents::move_ordinary(const Object& from, const Object& to) {
  char* const source = arena_->address_of(from.first_block);
  char* const target = arena_->address_of(to.first_block);
  const std::uint32_t blocks = std::min(from.block_count, to.block_count);
  for (std::uint32_t i = 0; i < blocks; ++i) {
    const std::uint64_t at = size_of(i).value;
    // By block, since advice may have parted the mapping, and the kernel moves within one only.
    if (os::move_pages_away(source + at, kBlockBytes, target + at) == 0) continue;
    std::memcpy(target + at, source + at, std::min(kBlockBytes.value, to.size_bytes - at));
  }
}

Object* TieredExtents::split_ordinary(Object& object, std::uint32_t blocks) {
  if (!mappings_.take(object.mappings)) return nullptr;
  Object* const tail = arena_->split(object, blocks);
  if (tail == nullptr) {
    mappings_.give_back(object.mappings);
    return nullptr;
  }
  tail->mappings = object.mappings;
  return tail;
}

void TieredExtents::join_ordinary(Object& first, Object& second) {
  return_mappings(second);
  arena_->join(first, second);
}

int TieredExtents::map_placed(Object& object) {
  // First, since it may change tiers.
  int error = pools_.map_object(object);
  if (error == 0) error = map_memory_runs(object);
  if (error != 0) {
    unmap(object);
    return error;
  }
  object.shared = any_shared(object);
  object.pages = Pages::kPlaced;
  return 0;
}

int TieredExtents::map_memory_runs(Object& object) {
  if (!needs_file(object)) return map_runs(object);
  // A huge page is reserved when it is mapped, so a shortage shows here and not at a touch.
  int error = open_file(object, os::PageKind::kHuge);
  if (error == 0) error = map_runs(object);
  if (error == 0) return 0;
  unmap_runs(object);
  error = open_file(object, os::PageKind::kSmall);
  if (error == 0) error = map_runs(object);
  if (error == 0) note_small_pages();
  return error;
}

/// Undoes map_runs().
void TieredExtents::unmap_runs(Object& object) {
  for_each_run(object, [&](std::uint32_t first, std::uint32_t count, std::uint8_t tier) {
    if (!pools_.on_pool(tier)) unmap_blocks(object, first, count);
  });
  object.file.close();
}

int TieredExtents::open_file(Object& object, os::PageKind kind) const {
  auto file = os::MemoryFile::create(size_of(object.block_count), kind);
  if (!file) return file.error().saved_errno;
  object.file = std::move(*file);
  object.page_kind = kind;
  return 0;
}

int TieredExtents::map_runs(Object& object) {
  int error = 0;
  for_each_piece(object, [&](std::uint32_t first, std::uint32_t count, std::uint8_t tier) {
    if (error == 0 && tier == kByKernel) error = map_stretch(object, first, count);
    if (error != 0 || tier == kByKernel || pools_.on_pool(tier)) return;
    if (is_shared(tier)) {
      error = map_shared_run(object, first, count, tier);
      if (error == 0) error = attach_run(object, first, count, tier);
      return;
    }
    error = os::map_private(arena_->address_of(first), size_of(count));
    if (error == 0) bind_run(first, count, tier, os::Existing::kLeave);
  });
  return error;
}

int TieredExtents::map_shared_run(Object& object, std::uint32_t first, std::uint32_t count,
                                  std::uint8_t tier) {
  if (pools_.on_pool(tier)) return pools_.map_run(first, count, tier);
  const std::uint64_t offset = static_cast<std::uint64_t>(first - object.first_block)
                               << kBlockShift;
  const int error =
      os::map_shared_file(arena_->address_of(first), size_of(count), object.file.fd(), offset);
  if (error == 0) bind_run(first, count, tier, os::Existing::kLeave);
  return error;
}

int TieredExtents::attach_run(const Object& object, std::uint32_t first, std::uint32_t count,
                              std::uint8_t tier) {
  if (tiers_[tier].backing != BackingKind::kEmulatedLink) return 0;
  return links_->attach(first, count, tiers_[tier].link, object.file, object.first_block);
}

void TieredExtents::bind_run(std::uint32_t first, std::uint32_t count, std::uint8_t tier,
                             os::Existing existing) {
  bind(arena_->address_of(first), size_of(count), tier, existing);
}

void TieredExtents::bind_aside(void* at, Bytes size, std::uint8_t tier) {
  bind(at, size, tier, os::Existing::kLeave);
}

void TieredExtents::bind(void* at, Bytes size, std::uint8_t tier, os::Existing existing) {
  if (bind_ == BindMode::kOff || tier == kNoTier || tiers_[tier].nodes.empty()) return;
  const auto binding = bind_ == BindMode::kStrict ? os::Binding::kStrict : os::Binding::kPreferred;
  const int error = os::bind_range(at, size, tiers_[tier].nodes, binding, existing);
  if (error != 0) counters_.bind_refused.fetch_add(1, std::memory_order_relaxed);
}

void TieredExtents::unmap(Object& object) {
  unmap_blocks(object, object.first_block, object.block_count);
  object.file.close();
}

void TieredExtents::unmap_blocks(Object& object, std::uint32_t first, std::uint32_t count) {
  if (object.file.is_open() && object.pages != Pages::kFrozen && links_->running()) {
    links_->detach(first, count);
  }
  os::unmap_to_reservation(arena_->address_of(first), size_of(count));
  pools_.release(object, first, count);
}

}  // namespace terrace::extent
