// SPDX-License-Identifier: Apache-2.0
// What programs do to parts of their mappings, on memory of ours: munmap, madvise and mprotect
// behave as the kernel's would on private memory; mremap: remap_calls.cc.
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "allocators/os/mapping.h"
#include "tiering/runtime/file_ranges.h"
#include "tiering/runtime/object_parts.h"

namespace terrace::runtime {
namespace {

/// What lies under a call's range.
enum class Cover : std::uint8_t {
  kNothing,  ///< no object
  kPartly,   ///< objects, and blocks without one
  kWholly,
};

/// Calls body(part) for each object under [address, address+size).
template <typename Body>
Cover for_each_part(State& runtime, void* address, std::size_t size, Body body) {
  if (!runtime.arena.is_open()) return Cover::kNothing;
  bool any = false;
  bool gap = false;
  char* at = static_cast<char*>(address);
  char* const end = at + size;
  while (at < end && runtime.arena.contains(at)) {
    extent::Object* object = runtime.arena.find(at);
    if (object == nullptr) {
      at = runtime.arena.address_of(runtime.arena.block_of(at) + 1);
      gap = true;
      continue;
    }
    char* const base = runtime.arena.address_of(object->first_block);
    const std::uint64_t span = static_cast<std::uint64_t>(object->block_count) << kBlockShift;
    const auto begin = static_cast<std::uint64_t>(at - base);
    const auto wanted = static_cast<std::uint64_t>(end - base);
    body(Part{object, begin, wanted < span ? wanted : span});
    any = true;
    at = base + span;
  }
  if (!any) return Cover::kNothing;
  return gap ? Cover::kPartly : Cover::kWholly;
}

/// Adds a hole and merges it with its neighbours. True when the whole object is gone; a seventeenth
/// separate hole is not remembered: that object's address space stays until the program ends.
bool add_hole(extent::Object& object, std::uint64_t begin, std::uint64_t end) {
  for (std::uint32_t i = 0; i < object.hole_count;) {
    const extent::Hole hole = object.holes[i];
    if (hole.end < begin || hole.begin > end) {
      ++i;
      continue;
    }
    if (hole.begin < begin) begin = hole.begin;
    if (hole.end > end) end = hole.end;
    object.holes[i] = object.holes[--object.hole_count];
    i = 0;
  }
  if (object.hole_count < 16) {
    object.holes[object.hole_count++] = {begin, end};
  } else {
    object.holes_lost = true;
  }
  return begin == 0 && end >= used_bytes(object);
}

/// Blocks that lie wholly inside a part.
struct WholeBlocks {
  std::uint32_t first = 0;
  std::uint32_t count = 0;
};
WholeBlocks whole_blocks(const Part& part) {
  const std::uint64_t first = blocks_for(Bytes(part.begin));
  const std::uint64_t last = part.end >> kBlockShift;
  if (last <= first) return {};
  return {part.object->first_block + static_cast<std::uint32_t>(first),
          static_cast<std::uint32_t>(last - first)};
}

}  // namespace

int make_private(State& runtime, const Part& part) {
  extent::Object& object = *part.object;
  const auto first = object.first_block + static_cast<std::uint32_t>(part.begin >> kBlockShift);
  const auto last = object.first_block + static_cast<std::uint32_t>(blocks_for(Bytes(part.end)));
  std::uint8_t* tiers = runtime.arena.tiers_of(object);
  for (std::uint32_t i = first; i < last; ++i) {
    const std::uint8_t tier = tiers[i - object.first_block];
    if (!runtime.extents.is_shared(tier)) continue;
    const int error = runtime.exchange.make_private(runtime.extents, object, i, 1);
    if (error != 0) return error;
    if (object.read_only) os::protect_read_only(runtime.arena.address_of(i), kBlockBytes);
    runtime.capacity.give_back(tier);
    runtime.counters.made_private.fetch_add(1, std::memory_order_relaxed);
  }
  return 0;
}

namespace {

/// Takes a part's whole blocks away.
void unmap_whole(State& runtime, extent::Object& object, const WholeBlocks& whole) {
  runtime.extents.unmap_blocks(object, whole.first, whole.count);
  std::uint8_t* tiers = runtime.arena.tiers_of(object);
  for (std::uint32_t i = whole.first; i < whole.first + whole.count; ++i) {
    std::uint8_t& tier = tiers[i - object.first_block];
    if (tier != extent::kNoTier) runtime.capacity.give_back(tier);
    tier = extent::kNoTier;
  }
}

/// Takes a part of a block or two away. Blocks of a pool become private for it; huge pages of a
/// memory file stay.
void unmap_edge(State& runtime, const Part& part) {
  extent::Object& object = *part.object;
  if (part.begin >= part.end) return;
  if (object.file.is_open() || (object.shared && make_private(runtime, part) != 0)) return;
  os::unmap_to_reservation(runtime.arena.address_of(object.first_block) + part.begin,
                           Bytes(part.end - part.begin));
}

}  // namespace

Remains unmap_part(State& runtime, const Part& part) {
  extent::Object& object = *part.object;
  if (object.surrendered) unmap_edge(runtime, part);  // what lies there may be the program's own
  if (add_hole(object, part.begin, part.end)) {
    end_object(runtime, object);
    return Remains::kNothing;
  }
  object.reshaped = true;
  const WholeBlocks whole = whole_blocks(part);
  if (whole.count == 0) {
    unmap_edge(runtime, part);
    return Remains::kObject;
  }
  unmap_whole(runtime, object, whole);
  const std::uint64_t begin = static_cast<std::uint64_t>(whole.first - object.first_block)
                              << kBlockShift;
  const std::uint64_t end = begin + (static_cast<std::uint64_t>(whole.count) << kBlockShift);
  unmap_edge(runtime, {&object, part.begin, begin});
  unmap_edge(runtime, {&object, end, part.end});
  return Remains::kObject;
}

namespace {

/// The part goes, and from here on nothing is done to whole blocks of the object: some of their
/// pages will be the program's.
void surrender_part(State& runtime, const Part& part) {
  extent::Object& object = *part.object;
  const std::uint64_t span = static_cast<std::uint64_t>(object.block_count) << kBlockShift;
  if (object.shared && make_private(runtime, {&object, 0, span}) != 0) object.holes_lost = true;
  if (unmap_part(runtime, part) == Remains::kObject) object.surrendered = true;
}

/// Calls body(address, size) for each piece of the range that lies in surrendered blocks without an
/// object.
template <typename Body>
bool for_each_surrendered(const State& runtime, void* address, std::size_t size, Body body) {
  bool any = false;
  char* const end = static_cast<char*>(address) + size;
  for (char* at = static_cast<char*>(address); at < end && runtime.arena.contains(at);) {
    char* const next = std::min(end, runtime.arena.address_of(runtime.arena.block_of(at) + 1));
    if (runtime.arena.is_surrendered(at) && runtime.arena.find(at) == nullptr) {
      body(at, static_cast<std::size_t>(next - at));
      any = true;
    }
    at = next;
  }
  return any;
}

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
  if (protection != PROT_READ) unwatch_source(object);
  if (object.shared) {
    if (const int error = make_private(runtime, part)) return error;
  }
  if (file) return protect_file(runtime, object, part.begin, part.end, protection);
  return os::protect(runtime.arena.address_of(object.first_block) + part.begin,
                     Bytes(part.end - part.begin), protection);
}

}  // namespace

void unmap_rest(State& runtime, extent::Object& object) {
  if (object.holes_lost) return;
  std::sort(object.holes, object.holes + object.hole_count,
            [](const extent::Hole& a, const extent::Hole& b) { return a.begin < b.begin; });
  char* const base = runtime.arena.address_of(object.first_block);
  std::uint64_t at = 0;
  for (std::uint32_t i = 0; i <= object.hole_count; ++i) {
    const bool last = i == object.hole_count;
    const std::uint64_t end = last ? static_cast<std::uint64_t>(object.block_count) << kBlockShift
                                   : object.holes[i].begin;
    if (end > at) os::unmap_to_reservation(base + at, Bytes(end - at));
    if (!last) at = object.holes[i].end;
  }
}

MappingResult unmap_range(void* address, std::size_t size) {
  State& runtime = state();
  if (!runtime.arena.is_open() || !runtime.arena.contains(address)) return {};
  const LockGuard guard(runtime.lock);
  for_each_surrendered(runtime, address, size, [](char* at, std::size_t length) {
    os::unmap_to_reservation(at, Bytes(length));
  });
  for_each_part(runtime, address, size, [&](const Part& part) { unmap_part(runtime, part); });
  return done(0);  // the kernel accepts ranges in which nothing is mapped
}

bool may_touch(const void* address, std::size_t size) {
  const State& runtime = state();
  if (!runtime.arena.is_open()) return false;
  const auto base = reinterpret_cast<std::uintptr_t>(runtime.arena.base());
  const auto begin = reinterpret_cast<std::uintptr_t>(address);
  const std::uintptr_t arena_end = base + (runtime.arena.block_count() << kBlockShift);
  return begin < arena_end && size != 0 && begin + size > base;
}

void surrender_range(void* address, std::size_t size) {
  State& runtime = state();
  if (!may_touch(address, size)) return;
  const auto base = reinterpret_cast<std::uintptr_t>(runtime.arena.base());
  const auto begin = reinterpret_cast<std::uintptr_t>(address);
  const std::uintptr_t end = begin + size;
  const std::uintptr_t arena_end = base + (runtime.arena.block_count() << kBlockShift);
  const LockGuard guard(runtime.lock);
  for_each_part(runtime, address, size, [&](const Part& part) { surrender_part(runtime, part); });
  const std::uint64_t first = begin <= base ? 0 : (begin - base) >> kBlockShift;
  const std::uint64_t last = (std::min(end, arena_end) - base - 1) >> kBlockShift;
  const auto count = static_cast<std::uint32_t>(last - first + 1);
  runtime.spares.drop_in(runtime.extents, static_cast<std::uint32_t>(first), count);
  runtime.arena.surrender(static_cast<std::uint32_t>(first), count);
}

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
