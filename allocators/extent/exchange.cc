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

std::uint64_t offset_of(const Object& object, std::uint32_t block) {
  return static_cast<std::uint64_t>(block - object.first_block) << kBlockShift;
}

void copy_bytes(void* to, const void* from, std::size_t size) {
  std::memcpy(to, from, size);
}

int copy_unwatched(void* at) {
  void* const spare = os::reserve_address_space(kBlockBytes);
  if (spare == nullptr) return ENOMEM;
  int error = os::map_private(spare, kBlockBytes);
  if (error == 0) {
    std::memcpy(spare, at, kBlockBytes.value);
    error = os::move_mapping(spare, kBlockBytes, at);
  }
  if (error != 0) os::unmap(spare, kBlockBytes);
  return error;
}

}  // namespace

Exchange::Exchange(os::UserFault faults) {
  if (!faults.is_open()) return;
  if (auto opened = CopyRemap::open(); opened) remap_ = *opened;
}

int Exchange::place(TieredExtents& extents, Object& object) {
  int error = 0;
  if (extents.any_shared(object)) error = possible() ? open_file(extents, object) : EOPNOTSUPP;
  std::uint8_t* const tiers = extents.arena().tiers_of(object);
  extents.for_each_run(object, [&](std::uint32_t first, std::uint32_t count, std::uint8_t tier) {
    if (!extents.is_shared(tier)) {
      extents.bind_run(first, count, tier, os::Existing::kMove);
      return;
    }
    for (std::uint32_t block = first; block < first + count; ++block) {
      if (error == 0) {
        error = place_shared_block(extents, object, block, tier);
      } else {
        tiers[block - object.first_block] = kNoTier;
      }
    }
  });
  object.pages = Pages::kPlaced;
  return error;
}

int Exchange::open_file(TieredExtents& extents, Object& object) {
  if (os::huge_pages_available(size_of(object.block_count)) &&
      extents.open_file(object, os::PageKind::kHuge) == 0) {
    return 0;
  }
  const int error = extents.open_file(object, os::PageKind::kSmall);
  if (error == 0) extents.note_small_pages();
  return error;
}

int Exchange::remap_block(void* at, const Object& object, std::uint64_t offset) const {
  void* const view = os::map_view(kBlockBytes, object.file.fd(), offset);
  if (view == nullptr) return ENOMEM;
  const auto attempt = [&](const RemapLimits& limits) {
    return remap_.to_file(at, kBlockBytes, object.file.fd(), offset, view, copy_bytes, limits)
        .error;
  };
  int error = attempt({});
  if (error == EBUSY) error = attempt({0, kBlockBytes});  // all of it while the writers wait
  os::unmap(view, kBlockBytes);
  return error;
}

int Exchange::place_shared_block(TieredExtents& extents, Object& object, std::uint32_t block,
                                 std::uint8_t tier) {
  std::uint8_t& its_tier = extents.arena().tiers_of(object)[block - object.first_block];
  int error = remap_block(extents.arena().address_of(block), object, offset_of(object, block));
  if (error != 0) {
    its_tier = kNoTier;
    return error;
  }
  extents.bind_run(block, 1, tier, os::Existing::kLeave);
  error = extents.attach_run(object, block, 1, tier);
  // Shared pages that no link delivers go back to what they were.
  if (error != 0 && copy_to_private(extents, object, block) == 0) its_tier = kNoTier;
  return error;
}

int Exchange::make_private(TieredExtents& extents, Object& object, std::uint32_t first,
                           std::uint32_t count) {
  std::uint8_t* const tiers = extents.arena().tiers_of(object);
  for (std::uint32_t block = first; block < first + count; ++block) {
    if (!extents.is_shared(tiers[block - object.first_block])) continue;
    if (const int error = copy_to_private(extents, object, block); error != 0) return error;
    tiers[block - object.first_block] = kNoTier;
  }
  return 0;
}

int Exchange::copy_to_private(TieredExtents& extents, const Object& object, std::uint32_t block) {
  char* const at = extents.arena().address_of(block);
  if (extents.links().running()) extents.links().detach(block, 1);
  // A frozen object's pages are in part its own and no longer the file's; nobody writes it now.
  if (!possible() || object.pages == Pages::kFrozen) return copy_unwatched(at);
  return remap_to_private(at, object, offset_of(object, block));
}

int Exchange::remap_to_private(void* at, const Object& object, std::uint64_t offset) const {
  void* const view = os::map_view(kBlockBytes, object.file.fd(), offset);
  if (view == nullptr) return ENOMEM;
  const RemapReport report = remap_.to_private(at, kBlockBytes, view, {}, os::Binding::kPreferred);
  os::unmap(view, kBlockBytes);
  return report.error;
}

int Exchange::freeze(TieredExtents& extents, Object& object, std::uint64_t promised_blocks) {
  int error = 0;
  const bool copies_fit =
      object.page_kind == os::PageKind::kSmall ||
      os::huge_pages_available(Bytes((promised_blocks + copies_of(object)) << kBlockShift));
  extents.for_each_run(object, [&](std::uint32_t first, std::uint32_t count, std::uint8_t tier) {
    if (!extents.is_shared(tier) || error != 0) return;
    if (!copies_fit) {
      error = make_private(extents, object, first, count);
      return;
    }
    if (extents.links().running()) extents.links().detach(first, count);
    void* const at = extents.arena().address_of(first);
    const std::uint64_t offset = static_cast<std::uint64_t>(first - object.first_block)
                                 << kBlockShift;
    error = os::map_private_file(at, size_of(count), object.file.fd(), offset);
    if (error == 0 && object.read_only) error = os::protect_read_only(at, size_of(count));
  });
  if (error == 0) object.pages = Pages::kFrozen;
  return error;
}

std::uint64_t Exchange::copies_of(const Object& object) {
  const bool huge = object.file.is_open() && object.page_kind == os::PageKind::kHuge;
  return huge ? std::uint64_t{object.block_count} * 2 : 0;
}

}  // namespace terrace::extent
