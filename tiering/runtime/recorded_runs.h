// SPDX-License-Identifier: Apache-2.0
// Which memory of an object a source may look at. Used by the recorder's parts, under the
// runtime's lock. Never allocates.
#pragma once

#include "profiler/sources/access_source.h"
#include "tiering/runtime/state.h"

namespace terrace::runtime {

inline bool is_emulated(const State& runtime, std::uint8_t tier) {
  return tier != extent::kNoTier &&
         static_cast<BackingKind>(runtime.flat.tiers[tier].backing) == BackingKind::kEmulatedLink;
}

/// Runs of an object whose touches show in present bits: shared, and not behind a link, whose
/// engine closes its blocks by itself. body(sources::BlockRun).
template <typename Body>
void for_each_visible_run(State& runtime, const extent::Object& object, Body body) {
  if (object.pages != extent::Pages::kPlaced || !object.shared) return;
  runtime.extents.for_each_run(
      object, [&](std::uint32_t first, std::uint32_t count, std::uint8_t tier) {
        if (!runtime.extents.is_shared(tier) || is_emulated(runtime, tier)) return;
        body(sources::BlockRun{runtime.arena.address_of(first), first, count});
      });
}

/// All of an object is within a source's reach or none, since its zeros are data.
inline bool is_within(const State& runtime, const extent::Object& object, sources::Reach reach) {
  if (reach != sources::Reach::kSmallPages) return true;
  const std::uint8_t* const tiers = runtime.arena.tiers_of(object);
  for (std::uint32_t i = 0; i < object.block_count; ++i) {
    if (tiers[i] != extent::kNoTier &&
        static_cast<BackingKind>(runtime.flat.tiers[tiers[i]].backing) == BackingKind::kDax) {
      return false;
    }
  }
  return true;
}

/// The same within a source's reach; the whole object where any memory will do.
template <typename Body>
void for_each_run(State& runtime, const extent::Object& object, sources::Reach reach, Body body) {
  if (!is_within(runtime, object, reach)) return;
  if (reach != sources::Reach::kAll) return for_each_visible_run(runtime, object, body);
  if (!object.published || object.pages == extent::Pages::kSpare) return;
  body(sources::BlockRun{runtime.arena.address_of(object.first_block), object.first_block,
                         object.block_count});
}

/// body(const extent::Object&) for each that has pages.
template <typename Body>
void for_each_object(const State& runtime, Body body) {
  for (std::uint32_t i = 0; i < runtime.arena.object_slots(); ++i) {
    const extent::Object& object = runtime.arena.slot(i);
    if (object.pages != extent::Pages::kNone) body(object);
  }
}

template <typename Body>
void for_each_run(State& runtime, sources::Reach reach, Body body) {
  for_each_object(
      runtime, [&](const extent::Object& object) { for_each_run(runtime, object, reach, body); });
}

/// Runs begin one after the other and end so: on average over them in the middle of both.
inline Nanoseconds middle(Nanoseconds begin, Nanoseconds end) {
  return begin + Nanoseconds((end - begin).value / 2);
}

}  // namespace terrace::runtime
