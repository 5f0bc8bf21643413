// SPDX-License-Identifier: Apache-2.0
// Parts of objects, as the program's mapping calls meet them: shared by mapping_calls.cc,
// advice_calls.cc and remap_calls.cc. The runtime's lock is held by whoever calls. Allocates
// nothing.
#pragma once

#include <algorithm>
#include <cerrno>
#include <cstdint>

#include "tiering/runtime/placement.h"
#include "tiering/runtime/state.h"

namespace terrace::runtime {

/// The part of one object that a call's range covers, in bytes from the object's base.
struct Part {
  extent::Object* object = nullptr;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

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

/// What a handled call returns: -1 with errno for an error, else 0.
inline MappingResult done(int error) {
  if (error != 0) errno = error;
  return {true, error == 0 ? 0 : -1};
}

/// Bytes of the object that the program asked for, in whole pages.
inline std::uint64_t used_bytes(const extent::Object& object) {
  constexpr std::uint64_t kPage = 4096;
  return (object.size_bytes + kPage - 1) & ~(kPage - 1);
}

/// The lowest hole of the object that ends above `at`; an empty one at `limit` when there is none
/// below that. Holes that are not remembered (holes_lost) are not found.
inline extent::Hole next_hole(const extent::Object& object, std::uint64_t at, std::uint64_t limit) {
  extent::Hole next{limit, limit};
  for (std::uint32_t i = 0; i < object.hole_count; ++i) {
    const extent::Hole& hole = object.holes[i];
    if (hole.end > at && hole.begin < next.begin) next = hole;
  }
  return next;
}

/// Calls body(begin, end) for what is left of the object in the part. True when nothing is missing.
template <typename Body>
bool for_each_mapped(const Part& part, Body body) {
  bool whole = true;
  for (std::uint64_t at = part.begin; at < part.end;) {
    const extent::Hole hole = next_hole(*part.object, at, part.end);
    if (hole.begin > at) body(at, std::min(hole.begin, part.end));
    whole = whole && hole.begin >= part.end;
    at = std::max(hole.end, at);
  }
  return whole;
}

/// Shared huge pages and devices cannot change protection or be pinned by parts: such blocks become
/// private. 0 or an errno value.
int make_private(State& runtime, const Part& part);

enum class Remains : std::uint8_t { kObject, kNothing };

/// munmap of a part: with kNothing the object is gone.
Remains unmap_part(State& runtime, const Part& part);

}  // namespace terrace::runtime
