// SPDX-License-Identifier: Apache-2.0
#include "profiler/session/session_decoder.h"

#include <algorithm>
#include <cstring>

#include "profiler/session/names_chunk.h"
#include "profiler/session/payload.h"

namespace terrace::session {
namespace {

// Far beyond the kinds that there are; a forged file may not make the look-up slow.
constexpr std::size_t kMostSources = 64;

std::string text_of(const std::byte* bytes, std::size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

std::vector<std::uint8_t> indices_of(const std::byte* bytes, std::size_t count) {
  std::vector<std::uint8_t> indices(count);
  if (count > 0) std::memcpy(indices.data(), bytes, count);
  return indices;
}

}  // namespace

Decoded SessionDecoder::decode(ChunkKind kind, const std::byte* payload, std::size_t size) {
  switch (kind) {
    case ChunkKind::kTier:
      return tier(payload, size);
    case ChunkKind::kModule:
      return module(payload, size);
    case ChunkKind::kObject:
      return object(payload, size);
    case ChunkKind::kObjectEnd:
      return object_end(payload, size);
    case ChunkKind::kHeat:
      return heat(payload, size);
    case ChunkKind::kStep:
      return step(payload, size);
    case ChunkKind::kCost:
      return cost(payload, size);
    case ChunkKind::kPlacement:
      return placement(payload, size);
    case ChunkKind::kMark:
      return mark(payload, size);
    case ChunkKind::kLooks:
      return looks(payload, size);
    case ChunkKind::kSource:
      return source(payload, size);
    case ChunkKind::kNames:
      return names(payload, size);
    case ChunkKind::kSegment:
      return segment(payload, size);
    case ChunkKind::kContinued:
      return continued(payload, size);
    case ChunkKind::kEnd:
      session_.complete = true;
      return Decoded::kTaken;
    case ChunkKind::kProcess:  // RecordingDecoder's
    case ChunkKind::kPacked:   // the reader opens these; within another one none may lie
      return Decoded::kMalformed;
  }
  return Decoded::kTaken;
}

Decoded SessionDecoder::tier(const std::byte* payload, std::size_t size) {
  TierRecord record;
  if (!take(payload, size, record) || session_.tiers.size() == UINT8_MAX) {
    return Decoded::kMalformed;
  }
  session_.tiers.push_back(record);
  return Decoded::kTaken;
}

Decoded SessionDecoder::module(const std::byte* payload, std::size_t size) {
  ModuleRecord record;
  if (!take(payload, size, record)) return Decoded::kMalformed;
  modules_[record.module] = {text_of(payload, size), record.load_bias};
  return Decoded::kTaken;
}

Decoded SessionDecoder::object(const std::byte* payload, std::size_t size) {
  ObjectRecord record;
  if (!take(payload, size, record)) return Decoded::kMalformed;
  if (record.frame_count > size / sizeof(FrameRecord)) return Decoded::kMalformed;
  const std::size_t after_frames = size - record.frame_count * sizeof(FrameRecord);
  if (record.block_count > after_frames || record.path_bytes != after_frames - record.block_count ||
      record.size_bytes > UINT64_MAX - kBlockBytes.value ||
      record.block_count != blocks_for(Bytes(record.size_bytes)) ||
      record.origin > static_cast<std::uint32_t>(Origin::kFile)) {
    return Decoded::kMalformed;
  }
  const std::byte* indices = payload + (size - after_frames);
  if (!tiers_known(indices, record.block_count)) return Decoded::kMalformed;
  if (!index_of_.emplace(record.object, session_.objects.size()).second) return Decoded::kTaken;

  Object& made = session_.objects.emplace_back();
  made.record = record;
  made.frames.reserve(record.frame_count);
  FrameRecord frame;
  for (std::uint32_t i = 0; i < record.frame_count && take(payload, size, frame); ++i) {
    const auto found = modules_.find(frame.module);
    made.frames.push_back(found == modules_.end()
                              ? Frame{"", frame.offset, 0}
                              : Frame{found->second.path, frame.offset, found->second.load_bias});
  }
  made.block_tiers = indices_of(indices, record.block_count);
  made.path = text_of(indices + record.block_count, record.path_bytes);
  saw_time(record.born_ns);
  return Decoded::kTaken;
}

Decoded SessionDecoder::object_end(const std::byte* payload, std::size_t size) {
  ObjectEndRecord record;
  if (!take(payload, size, record)) return Decoded::kMalformed;
  if (Object* object = find(record.object)) {
    object->ended_ns = std::max<std::uint64_t>(record.ended_ns, 1);
    saw_time(record.ended_ns);
  }
  return Decoded::kTaken;
}

Decoded SessionDecoder::heat(const std::byte* payload, std::size_t size) {
  HeatSample sample;
  if (!take(payload, size, sample.record)) return Decoded::kMalformed;
  const HeatRecord& record = sample.record;
  if (record.block_count != size / sizeof(std::uint32_t) || size % sizeof(std::uint32_t) != 0 ||
      record.end_ns < record.begin_ns) {
    return Decoded::kMalformed;
  }
  Object* object = find(record.object);
  if (object == nullptr) return Decoded::kTaken;
  const bool by_object = record.source == static_cast<std::uint32_t>(SourceKind::kReferencedBits);
  if (record.block_count != (by_object ? 1 : object->record.block_count)) {
    return Decoded::kMalformed;
  }
  sample.touches.resize(record.block_count);
  if (size > 0) std::memcpy(sample.touches.data(), payload, size);
  saw_time(record.end_ns);
  object->heat.push_back(std::move(sample));
  return Decoded::kTaken;
}

Decoded SessionDecoder::placement(const std::byte* payload, std::size_t size) {
  PlacementRecord record;
  if (!take(payload, size, record) || record.block_count != size ||
      !tiers_known(payload, record.block_count)) {
    return Decoded::kMalformed;
  }
  Object* object = find(record.object);
  if (object == nullptr) return Decoded::kTaken;
  if (record.block_count != object->record.block_count) return Decoded::kMalformed;
  object->earlier.push_back({object->heat.size(), std::move(object->block_tiers)});
  object->block_tiers = indices_of(payload, record.block_count);
  return Decoded::kTaken;
}

Decoded SessionDecoder::step(const std::byte* payload, std::size_t size) {
  StepRecord record;
  if (!take(payload, size, record)) return Decoded::kMalformed;
  session_.steps.push_back(record);
  saw_time(record.at_ns);
  return Decoded::kTaken;
}

Decoded SessionDecoder::cost(const std::byte* payload, std::size_t size) {
  CostRecord record{};
  if (!take(payload, size, record)) return Decoded::kMalformed;
  session_.costs.push_back(record);
  return Decoded::kTaken;
}

Decoded SessionDecoder::mark(const std::byte* payload, std::size_t size) {
  MarkRecord record;
  if (!take(payload, size, record)) return Decoded::kMalformed;
  session_.marks.push_back(record);
  saw_time(record.at_ns);
  return Decoded::kTaken;
}

Decoded SessionDecoder::looks(const std::byte* payload, std::size_t size) {
  if (size % sizeof(LookRecord) != 0) return Decoded::kMalformed;
  LookRecord record;
  while (take(payload, size, record)) {
    session_.looks.push_back(record);
    saw_time(record.end_ns);
  }
  return Decoded::kTaken;
}

Decoded SessionDecoder::source(const std::byte* payload, std::size_t size) {
  SourceUse use{};
  if (!take(payload, size, use.record)) return Decoded::kMalformed;
  use.reason = text_of(payload, size);
  const auto known = std::find_if(
      session_.sources.begin(), session_.sources.end(),
      [&](const SourceUse& other) { return other.record.source == use.record.source; });
  if (known != session_.sources.end()) {
    *known = std::move(use);
    return Decoded::kTaken;
  }
  if (session_.sources.size() == kMostSources) return Decoded::kMalformed;
  session_.sources.push_back(std::move(use));
  return Decoded::kTaken;
}

Decoded SessionDecoder::segment(const std::byte* payload, std::size_t size) {
  SegmentRecord record;
  if (!take(payload, size, record) || record.number == 0 || session_.segment ||
      !session_.objects.empty()) {
    return Decoded::kMalformed;
  }
  session_.segment = record;
  saw_time(record.begin_ns);
  return Decoded::kTaken;
}

Decoded SessionDecoder::continued(const std::byte* payload, std::size_t size) {
  ContinuedRecord record;
  if (!take(payload, size, record)) return Decoded::kMalformed;
  session_.continued = record;
  saw_time(record.at_ns);
  return Decoded::kTaken;
}

Decoded SessionDecoder::names(const std::byte* payload, std::size_t size) {
  const auto named = object_of_names(payload, size);
  if (!named) return Decoded::kMalformed;
  Object* object = find(*named);
  if (object == nullptr) return Decoded::kTaken;
  auto names = decode_names(payload, size, object->record.size_bytes);
  if (!names) return Decoded::kMalformed;
  object->names = std::move(names->ranges);
  object->names_file = std::move(names->file);
  return Decoded::kTaken;
}

Object* SessionDecoder::find(std::uint64_t object) {
  const auto found = index_of_.find(object);
  return found == index_of_.end() ? nullptr : &session_.objects[found->second];
}

bool SessionDecoder::tiers_known(const std::byte* indices, std::uint64_t count) const {
  const std::size_t known = session_.tiers.size();
  return std::all_of(indices, indices + count, [known](std::byte index) {
    return index == std::byte{kNoTierIndex} || std::to_integer<std::size_t>(index) < known;
  });
}

void SessionDecoder::saw_time(std::uint64_t ns) {
  session_.last_ns = std::max(session_.last_ns, ns);
}

}  // namespace terrace::session
