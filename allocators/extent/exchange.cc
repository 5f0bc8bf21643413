// SPDX-License-Identifier: Apache-2.0
#include "allocators/extent/exchange.h"

#include <cerrno>
#include <cstring>

#include "allocators/os/mapping.h"

namespace terrace::extent {
namespace {

constexpr Bytes size_of(std::uint32_t blocks) {
  return Bytes(static_cast<std::uint64_t>(blocks) << kBlockShift);
}

}  // namespace

int Exchange::place(TieredExtents& extents, Object& object) {
  const bool shared = extents.any_shared(object);
  if (shared && !possible()) return EOPNOTSUPP;
  int error = 0;
  if (shared) {
    error = extents.open_file(object, os::PageKind::kHuge);
    if (error == 0 && !os::huge_pages_available(size_of(object.block_count))) {
      error = extents.open_file(object, os::PageKind::kSmall);
    }
    if (error != 0) return error;
  }
  extents.for_each_run(object, [&](std::uint32_t first, std::uint32_t count, std::uint8_t tier) {
    if (!extents.is_shared(tier)) {
      extents.bind_run(first, count, tier, os::Existing::kMove);
      return;
    }
    for (std::uint32_t block = first; block < first + count && error == 0; ++block) {
      error = place_shared_block(extents, object, block, tier);
    }
  });
  if (error == 0) object.pages = Pages::kPlaced;
  return error;
}

int Exchange::place_shared_block(TieredExtents& extents, Object& object, std::uint32_t block,
                                 std::uint8_t tier) {
  char* const at = extents.arena().address_of(block);
  const std::uint64_t offset = static_cast<std::uint64_t>(block - object.first_block)
                               << kBlockShift;
  void* const view = os::map_view(kBlockBytes, object.file.fd(), offset);
  if (view == nullptr) return ENOMEM;
  // Pages that were never touched have no entry that could be protected: give them one.
  int error = os::populate_read(at, kBlockBytes);
  if (error == 0) error = faults_.watch_writes(at, kBlockBytes);
  if (error == 0) error = faults_.protect_writes(at, kBlockBytes);
  if (error == 0) {
    std::memcpy(view, at, kBlockBytes.value);
    error = extents.map_shared_run(object, block, 1, tier);
    faults_.wake(at, kBlockBytes);
  }
  os::unmap(view, kBlockBytes);
  return error;
}

int Exchange::make_private(TieredExtents& extents, Object& object, std::uint32_t first,
                           std::uint32_t count) {
  std::uint8_t* const tiers = extents.arena().tiers_of(object);
  for (std::uint32_t block = first; block < first + count; ++block) {
    if (!extents.is_shared(tiers[block - object.first_block])) continue;
    char* const at = extents.arena().address_of(block);
    void* const spare = os::reserve_address_space(kBlockBytes);
    if (spare == nullptr) return ENOMEM;
    int error = os::map_private(spare, kBlockBytes);
    if (error == 0 && extents.links().running()) extents.links().detach(block, 1);
    const bool hold = possible() && object.pages != Pages::kFrozen;
    if (error == 0 && hold) {
      error = os::populate_read(at, kBlockBytes);
      if (error == 0) error = faults_.watch_writes(at, kBlockBytes);
      if (error == 0) error = faults_.protect_writes(at, kBlockBytes);
    }
    if (error == 0) {
      std::memcpy(spare, at, kBlockBytes.value);
      error = os::move_mapping(spare, kBlockBytes, at);
      if (hold) faults_.wake(at, kBlockBytes);
    }
    if (error != 0) {
      os::unmap(spare, kBlockBytes);
      return error;
    }
    tiers[block - object.first_block] = kNoTier;
  }
  return 0;
}

int Exchange::freeze(TieredExtents& extents, Object& object) {
  int error = 0;
  const bool copies_fit = object.page_kind == os::PageKind::kSmall ||
                          os::huge_pages_available(size_of(object.block_count * 2));
  extents.for_each_run(object, [&](std::uint32_t first, std::uint32_t count, std::uint8_t tier) {
    if (!extents.is_shared(tier) || error != 0) return;
    if (!copies_fit) {
      error = make_private(extents, object, first, count);
      return;
    }
    if (extents.links().running()) extents.links().detach(first, count);
    const std::uint64_t offset = static_cast<std::uint64_t>(first - object.first_block)
                                 << kBlockShift;
    error = os::map_private_file(extents.arena().address_of(first), size_of(count),
                                 object.file.fd(), offset);
  });
  if (error == 0) object.pages = Pages::kFrozen;
  return error;
}

}  // namespace terrace::extent
