// SPDX-License-Identifier: Apache-2.0
// munmap of parts of our memory, and what the program maps over it: as the kernel would have it on
// private memory. madvise and mprotect: advice_calls.cc; mremap: remap_calls.cc.
#include <algorithm>

#include "allocators/os/mapping.h"
#include "tiering/runtime/object_parts.h"

namespace terrace::runtime {
namespace {

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

}  // namespace terrace::runtime
