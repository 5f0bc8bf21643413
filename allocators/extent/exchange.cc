// SPDX-License-Identifier: Apache-2.0
#include "allocators/extent/exchange.h"

#include <cerrno>
#include <cstring>

#include "allocators/extent/watched_copy.h"
#include "allocators/os/mapping.h"

namespace terrace::extent {
namespace {

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

int Exchange::place(TieredExtents& extents, Object& object) {
  int error = 0;
  object.shared = extents.any_shared(object);
  if (object.shared && !possible()) error = EOPNOTSUPP;
  if (error == 0 && extents.needs_file(object)) error = open_file(extents, object);
  extents.for_each_run(object, [&](std::uint32_t first, std::uint32_t count, std::uint8_t tier) {
    if (!extents.is_shared(tier)) {
      extents.bind_run(first, count, tier, os::Existing::kMove);
      // It has lived long enough to be worth huge pages; the kernel makes them in the background.
      os::advise_huge(extents.arena().address_of(first), size_of(count));
      return;
    }
    for (std::uint32_t block = first; block < first + count; ++block) {
      if (error == 0) {
        error = place_shared_block(extents, object, block, tier);
      } else {
        leave_ordinary(extents, object, block);
      }
    }
  });
  extents.bind_stretches(object);
  object.pages = Pages::kPlaced;
  return error;
}

int Exchange::place_block(TieredExtents& extents, Object& object, std::uint32_t index) {
  const std::uint8_t tier = extents.arena().tiers_of(object)[index];
  const std::uint32_t block = object.first_block + index;
  int error = possible() ? 0 : EOPNOTSUPP;
  if (error != 0) {
    leave_ordinary(extents, object, block);
  } else if (extents.pools().on_pool(tier)) {
    if (!extents.pools().reserve_block(object, index)) error = ENOMEM;
    if (error != 0) extents.arena().tiers_of(object)[index] = kNoTier;
  } else if (!object.file.is_open()) {
    error = open_file(extents, object);
    if (error != 0) leave_ordinary(extents, object, block);
  }
  if (error != 0) return error;
  object.shared = true;
  return place_shared_block(extents, object, block, tier);
}

void Exchange::leave_ordinary(TieredExtents& extents, const Object& object, std::uint32_t block) {
  extents.pools().release(object, block, 1);
  extents.arena().tiers_of(object)[block - object.first_block] = kNoTier;
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

int Exchange::remap_block(void* at, const FilePages& pages) const {
  void* const view = os::map_view(kBlockBytes, pages.fd, pages.offset);
  if (view == nullptr) return ENOMEM;
  const auto attempt = [&](const RemapLimits& limits) {
    return remap_.to_file(at, kBlockBytes, pages.fd, pages.offset, view, copy_watched, limits)
        .error;
  };
  int error = attempt({});
  if (error == EBUSY) error = attempt({0, kBlockBytes});  // all of it while the writers wait
  os::unmap(view, kBlockBytes);
  return error;
}

int Exchange::place_shared_block(TieredExtents& extents, Object& object, std::uint32_t block,
                                 std::uint8_t tier) {
  int error = remap_block(extents.arena().address_of(block), extents.file_pages(object, block));
  if (error != 0) {
    leave_ordinary(extents, object, block);
    return error;
  }
  extents.bind_run(block, 1, tier, os::Existing::kLeave);
  error = extents.attach_run(object, block, 1, tier);
  // Shared pages that no link delivers go back to what they were.
  if (error != 0 && copy_to_private(extents, object, block) == 0) {
    leave_ordinary(extents, object, block);
  }
  return error;
}

int Exchange::make_private(TieredExtents& extents, Object& object, std::uint32_t first,
                           std::uint32_t count) {
  const std::uint8_t* const tiers = extents.arena().tiers_of(object) - object.first_block;
  const std::uint32_t stop = first + count;
  for (std::uint32_t begin = first; begin < stop;) {
    const std::uint8_t tier = tiers[begin];
    if (!extents.is_shared(tier)) {
      ++begin;
      continue;
    }
    std::uint32_t end = begin + 1;
    int error = 0;
    if (extents.pools().on_pool(tier) && remap_.possible() && object.pages != Pages::kFrozen) {
      while (end < stop && tiers[end] == tier) ++end;
      error = pool_to_private(extents, begin, end - begin, tier);
    } else {
      error = copy_to_private(extents, object, begin);
    }
    if (error != 0) return error;
    for (; begin < end; ++begin) leave_ordinary(extents, object, begin);
  }
  return 0;
}

/// A second view of the run's blocks, which need not be adjacent in their pool, is what is copied.
int Exchange::pool_to_private(TieredExtents& extents, std::uint32_t first, std::uint32_t count,
                              std::uint8_t tier) const {
  auto* const view = static_cast<char*>(os::reserve_address_space(size_of(count)));
  if (view == nullptr) return ENOMEM;
  int error = extents.pools().map_view(view, first, count, tier);
  if (error == 0) {
    error = remap_
                .to_private(extents.arena().address_of(first), size_of(count), view, os::NodeMask(),
                            os::Binding::kPreferred)
                .error;
  }
  os::unmap(view, size_of(count));
  return error;
}

int Exchange::copy_to_private(TieredExtents& extents, const Object& object, std::uint32_t block) {
  char* const at = extents.arena().address_of(block);
  if (extents.links().running()) extents.links().detach(block, 1);
  // A frozen object's pages are in part its own and no longer the file's; nobody writes it now.
  if (!possible() || object.pages == Pages::kFrozen) return copy_unwatched(at);
  return remap_to_private(at, extents.file_pages(object, block));
}

int Exchange::remap_to_private(void* at, const FilePages& pages) const {
  void* const view = os::map_view(kBlockBytes, pages.fd, pages.offset);
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
    if (extents.pools().on_pool(tier)) {
      error = freeze_pool_run(extents, object, first, count);
      return;
    }
    if (!copies_fit) {
      error = make_private(extents, object, first, count);
      return;
    }
    if (extents.links().running()) extents.links().detach(first, count);
    void* const at = extents.arena().address_of(first);
    const std::uint64_t offset = static_cast<std::uint64_t>(first - object.first_block)
                                 << kBlockShift;
    error = os::map_private_file(at, size_of(count), object.file.fd(), offset);
    if (error != 0) error = make_private(extents, object, first, count);
    if (error == 0 && object.read_only) error = os::protect_read_only(at, size_of(count));
  });
  if (error == 0) object.pages = Pages::kFrozen;
  return error;
}

/// Pages that nobody may write can stay shared with the child: weights are not copied.
int Exchange::freeze_pool_run(TieredExtents& extents, Object& object, std::uint32_t first,
                              std::uint32_t count) {
  if (object.read_only) return 0;
  const std::uint8_t tier = extents.arena().tiers_of(object)[first - object.first_block];
  if (!extents.pools().pool(tier).maps_private()) {
    return make_private(extents, object, first, count);
  }
  return extents.pools().map_run_private(first, count, tier);
}

std::uint64_t Exchange::copies_of(const Object& object) {
  const bool huge = object.file.is_open() && object.page_kind == os::PageKind::kHuge;
  return huge ? std::uint64_t{object.block_count} * 2 : 0;
}

}  // namespace terrace::extent
