// SPDX-License-Identifier: Apache-2.0
// Runs at the start of other people's programs on a file that anyone may have written: every count,
// offset and index is checked before it is used, and no sum can wrap around.
#include "tiering/runtime/flat_plan.h"

#include <cstddef>
#include <cstdio>
#include <cstring>

#include <terrace/tier.h>

#include "allocators/base/crc32.h"
#include "profiler/session/format.h"

namespace terrace::runtime {
namespace {

constexpr auto kLastSource = static_cast<std::uint32_t>(session::SourceKind::kWriteTracking);

// Each thread has its own, so that two threads' failures do not mix; validation fails at most once
// or twice in a process.
constinit thread_local char failure[192] = {};

const char* fail(const char* what, std::uint64_t offset) {
  std::snprintf(failure, sizeof failure, "%s (offset %llu)", what,
                static_cast<unsigned long long>(offset));
  return failure;
}

bool ends_within(const char* text, std::size_t size) {
  return std::memchr(text, '\0', size) != nullptr;
}

// False for infinities and NaN too; <cmath> stays out of resident code.
bool is_amount(double value) {
  return value >= 0 && value <= 1e300;
}

// Does [offset, offset + count * size) lie within [from, end)?
bool table_fits(std::uint64_t offset, std::uint64_t count, std::uint64_t size, std::uint64_t from,
                std::uint64_t end) {
  return offset >= from && offset <= end && count <= (end - offset) / size;
}

const char* check_frame(const FlatHeader& header, const void* data, std::uint64_t size) {
  if (std::memcmp(header.magic, kFlatMagic, sizeof header.magic) != 0) {
    return fail("not a Terrace flat file; make one with `terrace run`", 0);
  }
  if (header.version != kFlatVersion || header.header_bytes != sizeof(FlatHeader)) {
    return fail("flat file of another Terrace version; run the `terrace` of this library",
                offsetof(FlatHeader, version));
  }
  if (header.total_bytes != size) {
    return fail("flat file is cut short or has a tail; write it again",
                offsetof(FlatHeader, total_bytes));
  }
  const auto* body = static_cast<const unsigned char*>(data) + sizeof(FlatHeader);
  if (crc32(body, size - sizeof(FlatHeader)) != header.crc32) {
    return fail("flat file is damaged, its CRC-32 does not match; write it again",
                offsetof(FlatHeader, crc32));
  }
  return nullptr;
}

const char* check_events(const FlatHeader& header) {
  constexpr std::uint32_t kKnown = sources::kSampleLeader | sources::kSampleWholeCpu;
  if (header.sample_event_count > sources::kMaxSampleEvents) {
    return fail("more than 4 sampled events", offsetof(FlatHeader, sample_event_count));
  }
  for (std::uint32_t i = 0; i < header.sample_event_count; ++i) {
    const sources::SampleEvent& event = header.sample_events[i];
    const std::uint64_t at = offsetof(FlatHeader, sample_events) + i * sizeof event;
    if ((event.flags & ~kKnown) != 0) return fail("unknown flag of a sampled event", at);
    const bool leads = (event.flags & sources::kSampleLeader) != 0;
    if ((event.period == 0) != leads) return fail("sampled event without period", at);
    if (!ends_within(event.name, sizeof event.name)) return fail("event name without end", at);
  }
  return nullptr;
}

const char* check_options(const FlatHeader& header) {
  constexpr std::uint32_t kKnownFlags = kFlagRecord | kFlagStrict | kFlagVerbose | kFlagNoStatus;
  if ((header.flags & ~kKnownFlags) != 0) {
    return fail("unknown flag", offsetof(FlatHeader, flags));
  }
  if (header.default_policy > static_cast<std::uint32_t>(DefaultPolicy::kPassThrough)) {
    return fail("unknown default policy", offsetof(FlatHeader, default_policy));
  }
  if (header.bind_mode > static_cast<std::uint32_t>(BindMode::kStrict)) {
    return fail("unknown bind mode", offsetof(FlatHeader, bind_mode));
  }
  if (header.materialize > static_cast<std::uint32_t>(Materialize::kAlways)) {
    return fail("unknown rule for file mappings", offsetof(FlatHeader, materialize));
  }
  if ((header.flags & kFlagRecord) != 0 && header.window_hz == 0) {
    return fail("recording with 0 windows a second", offsetof(FlatHeader, window_hz));
  }
  if (const char* problem = check_events(header)) return problem;
  const session::SplitRule& split = header.split;
  if (split.recording == 0 ? split.bytes != 0 || split.time_ns != 0 || split.keep != 0
                           : split.bytes == 0 && split.time_ns == 0) {
    return fail("split recording without number or limit", offsetof(FlatHeader, split));
  }
  if (header.source > kLastSource) return fail("unknown source", offsetof(FlatHeader, source));
  if (header.budget_ppm > 1000000) {
    return fail("budget above the program's whole CPU time", offsetof(FlatHeader, budget_ppm));
  }
  if (!ends_within(header.machine_id, sizeof header.machine_id)) {
    return fail("machine id without end", offsetof(FlatHeader, machine_id));
  }
  if (!ends_within(header.session_path, sizeof header.session_path)) {
    return fail("session path without end", offsetof(FlatHeader, session_path));
  }
  if (!ends_within(header.status_path, sizeof header.status_path)) {
    return fail("status path without end", offsetof(FlatHeader, status_path));
  }
  return nullptr;
}

const char* check_tables(const FlatHeader& header) {
  if (header.tier_count == 0 || header.tier_count > kMaxTiers) {
    return fail("number of tiers is not 1 to 16", offsetof(FlatHeader, tier_count));
  }
  const std::uint64_t end = header.total_bytes;
  if (header.tiers_offset % alignof(FlatTier) != 0 ||
      !table_fits(header.tiers_offset, header.tier_count, sizeof(FlatTier), sizeof(FlatHeader),
                  end)) {
    return fail("tier table lies outside of the file", offsetof(FlatHeader, tiers_offset));
  }
  if (header.objects_offset % alignof(FlatObject) != 0 ||
      !table_fits(header.objects_offset, header.object_count, sizeof(FlatObject),
                  sizeof(FlatHeader), end)) {
    return fail("object table lies outside of the file", offsetof(FlatHeader, objects_offset));
  }
  if (header.maps_offset < sizeof(FlatHeader) || header.maps_offset > end) {
    return fail("block maps lie outside of the file", offsetof(FlatHeader, maps_offset));
  }
  return nullptr;
}

const char* check_tier(const FlatTier& tier, std::uint64_t at) {
  if (!ends_within(tier.name, sizeof tier.name)) return fail("tier name without end", at);
  if (tier.kind > static_cast<std::uint8_t>(TierKind::kFile)) {
    return fail("unknown tier kind", at + offsetof(FlatTier, kind));
  }
  if (tier.backing > static_cast<std::uint8_t>(BackingKind::kDax)) {
    return fail("unknown tier backing", at + offsetof(FlatTier, backing));
  }
  if (!is_amount(tier.bandwidth_gbps)) {
    return fail("tier bandwidth is no number of GB/s", at + offsetof(FlatTier, bandwidth_gbps));
  }
  if (!is_amount(tier.weight)) {
    return fail("tier weight is negative or no number", at + offsetof(FlatTier, weight));
  }
  return nullptr;
}

bool is_mapping_unit(std::uint64_t bytes) {
  return bytes >= 4096 && bytes <= kBlockBytes.value && (bytes & (bytes - 1)) == 0;
}

// A path and its unit are there for DAX tiers and only for them.
const char* check_tier_path(const FlatTier& tier, std::uint64_t at) {
  if (!ends_within(tier.path, sizeof tier.path)) {
    return fail("tier path without end", at + offsetof(FlatTier, path));
  }
  if (tier.backing != static_cast<std::uint8_t>(BackingKind::kDax)) {
    if (tier.path[0] == '\0' && tier.mapping_unit == 0) return nullptr;
    return fail("tier has a path and is no DAX tier", at + offsetof(FlatTier, path));
  }
  if (tier.path[0] != '/') {
    return fail("DAX tier's path is not absolute", at + offsetof(FlatTier, path));
  }
  if (!is_mapping_unit(tier.mapping_unit)) {
    return fail("DAX tier's mapping unit is no power of two from 4 KiB to 2 MiB",
                at + offsetof(FlatTier, mapping_unit));
  }
  return nullptr;
}

const char* check_tiers(const FlatView& view) {
  double weights = 0;
  for (std::uint32_t i = 0; i < view.header->tier_count; ++i) {
    const std::uint64_t at = view.header->tiers_offset + i * sizeof(FlatTier);
    if (const char* problem = check_tier(view.tiers[i], at)) return problem;
    if (const char* problem = check_tier_path(view.tiers[i], at)) return problem;
    weights += view.tiers[i].weight;
  }
  const bool weighted =
      view.header->default_policy == static_cast<std::uint32_t>(DefaultPolicy::kWeighted);
  if (weighted && !(weights > 0)) {
    return fail("weighted policy with no weight on any tier", view.header->tiers_offset);
  }
  return nullptr;
}

const char* check_object(const FlatView& view, std::uint32_t index) {
  const FlatObject& object = view.objects[index];
  const std::uint64_t at = view.header->objects_offset + std::uint64_t{index} * sizeof(FlatObject);
  if (object.origin > static_cast<std::uint32_t>(Origin::kFile)) {
    return fail("unknown object origin", at + offsetof(FlatObject, origin));
  }
  // Rounding up must not wrap for sizes near 2^64.
  const std::uint64_t blocks =
      (object.size_bytes >> kBlockShift) + ((object.size_bytes & (kBlockBytes.value - 1)) != 0);
  if (object.size_bytes == 0 || object.block_count != blocks) {
    return fail("object's block count does not match its size",
                at + offsetof(FlatObject, block_count));
  }
  if (!table_fits(object.map_offset, object.block_count, 1, view.header->maps_offset,
                  view.header->total_bytes)) {
    return fail("object's block map lies outside of the file",
                at + offsetof(FlatObject, map_offset));
  }
  const std::uint8_t* map = view.block_map(object);
  for (std::uint64_t block = 0; block < object.block_count; ++block) {
    if (map[block] < view.header->tier_count) continue;
    return fail("block map names a tier that does not exist", object.map_offset + block);
  }
  return nullptr;
}

}  // namespace

const char* validate_flat(const void* data, std::uint64_t size, FlatView& view) {
  view = FlatView{};
  if (data == nullptr || size < sizeof(FlatHeader)) {
    return fail("flat file is shorter than its header; write it again", size);
  }
  if (reinterpret_cast<std::uintptr_t>(data) % alignof(FlatHeader) != 0) {
    return fail("flat file is not mapped at a multiple of 8", 0);
  }
  const auto* header = static_cast<const FlatHeader*>(data);
  if (const char* problem = check_frame(*header, data, size)) return problem;
  if (const char* problem = check_options(*header)) return problem;
  if (const char* problem = check_tables(*header)) return problem;
  const auto* base = static_cast<const unsigned char*>(data);
  const FlatView candidate{header, reinterpret_cast<const FlatTier*>(base + header->tiers_offset),
                           reinterpret_cast<const FlatObject*>(base + header->objects_offset)};
  if (const char* problem = check_tiers(candidate)) return problem;
  for (std::uint32_t i = 0; i < header->object_count; ++i) {
    if (const char* problem = check_object(candidate, i)) return problem;
  }
  view = candidate;
  return nullptr;
}

}  // namespace terrace::runtime
