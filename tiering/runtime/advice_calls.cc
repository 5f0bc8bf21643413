// SPDX-License-Identifier: Apache-2.0
// madvise and mprotect of parts of our memory: as the kernel would have it on private memory.
#include <sys/mman.h>

#include <cerrno>
#include <cstring>

#include "allocators/os/mapping.h"
#include "tiering/runtime/file_ranges.h"
#include "tiering/runtime/object_parts.h"

namespace terrace::runtime {
namespace {

/// A call on memory that is the program's own is the kernel's.
MappingResult not_ours(const State& runtime, void* address, std::size_t size) {
  const bool theirs = for_each_surrendered(runtime, address, size, [](char*, std::size_t) {});
  return theirs ? MappingResult{} : done(ENOMEM);
}

/// A frozen block's file or pool still has the data: the block becomes fresh memory, on no tier.
bool renew_frozen_block(State& runtime, const extent::Object& object, std::uint64_t block) {
  char* const at = runtime.arena.address_of(object.first_block) + (block << kBlockShift);
  if (os::map_private(at, kBlockBytes) != 0) return false;
  runtime.extents.pools().release(object, object.first_block + static_cast<std::uint32_t>(block),
                                  1);
  std::uint8_t& tier = runtime.arena.tiers_of(object)[block];
  runtime.capacity.give_back(tier);
  tier = extent::kNoTier;
  return true;
}

/// Makes a whole block read as zero without touching its pages through the mapping, where that can
/// be done.
bool empty_block(State& runtime, const extent::Object& object, std::uint64_t block) {
  const std::uint8_t tier = runtime.arena.tiers_of(object)[block];
  if (object.pages == extent::Pages::kFrozen) return renew_frozen_block(runtime, object, block);
  if (!runtime.extents.pools().on_pool(tier)) {
    return object.file.punch(block << kBlockShift, kBlockBytes) == 0;
  }
  runtime.extents.pools().clear_run(object.first_block + static_cast<std::uint32_t>(block), 1);
  return true;
}

/// MADV_DONTNEED on private memory means zeros afterwards; a shared file's pages keep their data,
/// so they are punched out, and the ends of the range are cleared by hand, as a pool's blocks are.
int discard_part(State& runtime, const Part& part) {
  extent::Object& object = *part.object;
  const std::uint64_t blocks_end = (part.end + kBlockBytes.value - 1) >> kBlockShift;
  const std::uint64_t first = part.begin >> kBlockShift;
  runtime.recorder.blocks_emptied(object.first_block + static_cast<std::uint32_t>(first),
                                  static_cast<std::uint32_t>(blocks_end - first));
  if (object.key.origin == Origin::kFile) {
    return discard_file(runtime, object, part.begin, part.end);
  }
  char* const base = runtime.arena.address_of(object.first_block);
  if (!object.shared) {
    return os::drop_pages(base + part.begin, Bytes(part.end - part.begin));
  }
  const std::uint8_t* tiers = runtime.arena.tiers_of(object);
  for (std::uint64_t at = part.begin; at < part.end;) {
    const std::uint64_t block_end = ((at >> kBlockShift) + 1) << kBlockShift;
    const std::uint64_t stop = block_end < part.end ? block_end : part.end;
    const bool whole = at % kBlockBytes.value == 0 && stop == block_end;
    bool zero = false;
    if (!runtime.extents.is_shared(tiers[at >> kBlockShift])) {
      zero = os::drop_pages(base + at, Bytes(stop - at)) == 0;
    } else if (whole) {
      zero = empty_block(runtime, object, at >> kBlockShift);
    }
    if (!zero) std::memset(base + at, 0, stop - at);
    at = stop;
  }
  return 0;
}

int advise_kernel(const State& runtime, const Part& part, int advice) {
  return os::advise(runtime.arena.address_of(part.object->first_block) + part.begin,
                    Bytes(part.end - part.begin), advice);
}

/// Advice on blocks that are a file's pages, which are to look like private memory.
int advise_shared(State& runtime, const Part& part, int advice) {
  switch (advice) {
    case MADV_REMOVE:
      return EINVAL;
    case MADV_DONTFORK:
    case MADV_DOFORK:
    case MADV_WIPEONFORK:
    case MADV_KEEPONFORK: {
      // What a fork does to it is the kernel's to do.
      const int error = make_private(runtime, part);
      part.object->reshaped = true;
      return error != 0 ? error : advise_kernel(runtime, part, advice);
    }
    case MADV_POPULATE_READ:
    case MADV_POPULATE_WRITE:
      // Behind an emulated link pages come when they are touched, and not while we hold the lock.
      if (!part.object->file.is_open()) return advise_kernel(runtime, part, advice);
      [[fallthrough]];
    default:
      // About private or file pages: may be ignored, if the kernel knows it.
      return os::advise(runtime.arena.base(), Bytes(), advice);
  }
}

/// MADV_DONTNEED, and the one that spares no locked pages (Linux 5.18).
bool discards(int advice) {
  constexpr int kDontNeedLocked = 24;
  return advice == MADV_DONTNEED || advice == kDontNeedLocked;
}

int advise_part(State& runtime, const Part& part, int advice) {
  const bool file = part.object->key.origin == Origin::kFile;
  if (discards(advice)) return discard_part(runtime, part);
  if (const int refused = file ? refused_on_file(advice) : 0) return refused;
  return part.object->shared ? advise_shared(runtime, part, advice)
                             : advise_kernel(runtime, part, advice);
}

int protect_part(State& runtime, const Part& part, int protection) {
  extent::Object& object = *part.object;
  const bool file = object.key.origin == Origin::kFile;
  const bool writable = (protection & PROT_WRITE) != 0;
  if (file && writable && object.shared_view) return EACCES;  // open for reading only
  object.reshaped = true;
  object.protected_parts = true;
  // It may differ from its file, or shall not be read.
  if (protection != PROT_READ) unwatch_content(object);
  if (object.shared) {
    if (const int error = make_private(runtime, part)) return error;
  }
  if (file) return protect_file(runtime, object, part.begin, part.end, protection);
  return os::protect(runtime.arena.address_of(object.first_block) + part.begin,
                     Bytes(part.end - part.begin), protection);
}

}  // namespace

MappingResult advise_range(void* address, std::size_t size, int advice) {
  State& runtime = state();
  if (!runtime.arena.is_open() || !runtime.arena.contains(address)) return {};
  if (size == 0) return done(os::advise(runtime.arena.base(), Bytes(), advice));
  const LockGuard guard(runtime.lock);
  // As in the kernel: what is mapped is dealt with, and that some was not is told at the end.
  int error = 0;
  int missing = 0;
  const Cover cover = for_each_part(runtime, address, size, [&](const Part& part) {
    const bool whole = for_each_mapped(part, [&](std::uint64_t begin, std::uint64_t end) {
      if (error == 0) error = advise_part(runtime, {part.object, begin, end}, advice);
    });
    if (!whole) missing = ENOMEM;
  });
  if (cover == Cover::kNothing) return not_ours(runtime, address, size);
  if (cover == Cover::kPartly) missing = ENOMEM;
  return done(error != 0 ? error : missing);
}

MappingResult protect_range(void* address, std::size_t size, int protection) {
  State& runtime = state();
  if (!runtime.arena.is_open() || !runtime.arena.contains(address)) return {};
  const LockGuard guard(runtime.lock);
  int error = 0;
  const Cover cover = for_each_part(runtime, address, size, [&](const Part& part) {
    const bool whole = for_each_mapped(part, [&](std::uint64_t begin, std::uint64_t end) {
      if (error == 0) error = protect_part(runtime, {part.object, begin, end}, protection);
    });
    if (!whole && error == 0) error = ENOMEM;
  });
  if (cover == Cover::kNothing) return not_ours(runtime, address, size);
  return done(error == 0 && cover == Cover::kPartly ? ENOMEM : error);
}

}  // namespace terrace::runtime
