// SPDX-License-Identifier: Apache-2.0
// A session file through the whole offline path: reader, heat map, report, exports.
#include <gtest/gtest.h>

#include <cstring>
#include <nlohmann/json.hpp>

#include "profiler/export/export.h"
#include "profiler/heat/heat_map.h"
#include "profiler/heat/process_heat.h"
#include "profiler/heat/timeline.h"
#include "profiler/report/report.h"
#include "profiler/session/segments.h"
#include "profiler/session/session_reader.h"
#include "tests/fuzz/inputs.h"
#include "tests/fuzz/session_checks.h"
#include "tests/unit/session/session_builder.h"

namespace terrace::fuzz {
namespace {

using namespace session;

// What export makes of it: no range beyond its object, no tier that was never named, no rate below
// zero.
void check_timeline(const Session& session) {
  const heat::Timeline timeline = heat::build_timeline(session);
  ASSERT_EQ(timeline.objects.size(), session.objects.size());
  for (std::size_t i = 0; i < timeline.objects.size(); ++i) {
    for (const heat::HeatStretch& stretch : timeline.objects[i].stretches) {
      for (const heat::HeatRange& range : stretch.ranges) {
        EXPECT_LE(range.first_block + range.blocks, session.objects[i].record.block_count);
        EXPECT_LT(range.tier, timeline.tiers.size());
        EXPECT_GE(range.bytes_per_second, 0);
      }
    }
  }
  EXPECT_FALSE(exporting::to_csv(timeline, exporting::Table::kHeat).empty());
  EXPECT_FALSE(exporting::to_csv(timeline, exporting::Table::kObjects).empty());
  EXPECT_TRUE(nlohmann::json::accept(exporting::to_json(timeline)));
  EXPECT_TRUE(nlohmann::json::accept(exporting::to_trace(timeline)));
}

// What a process's objects may not break; returns what they hold.
std::size_t check_objects(const Session& session) {
  std::size_t held = 0;
  for (const Object& object : session.objects) {
    EXPECT_EQ(object.block_tiers.size(), object.record.block_count);
    held += object.block_tiers.size() + object.path.size() + object.frames.size();
    std::uint64_t named_to = 0;
    for (const NamedRange& range : object.names) {
      EXPECT_GE(range.first_byte, named_to);
      named_to = range.first_byte + range.size.value;
      held += range.name.size();
    }
    EXPECT_LE(named_to, object.record.size_bytes);
    for (const HeatSample& sample : object.heat) {
      EXPECT_EQ(sample.touches.size(), sample.record.block_count);
      held += sample.touches.size() * sizeof(std::uint32_t);
    }
  }
  return held;
}

void check_heat(const Session& session, Depth depth) {
  if (depth == Depth::kWhole) check_timeline(session);
  EXPECT_GE(heat::bytes_read(session), 0);
  const Result<heat::HeatMap> map = heat::build_heat_map(session);
  if (!map) return;
  for (const heat::ObjectHeat& object : map->objects) {
    EXPECT_EQ(object.block_bytes_per_second.size(), object.block_tiers.size());
    EXPECT_TRUE(object.bytes_per_second() >= 0) << object.bytes_per_second();
    for (const heat::NamedHeat& named : object.names) EXPECT_GE(named.bytes_per_second, 0);
  }
  EXPECT_FALSE(report::render_text(*map, {}).empty());
  if (depth == Depth::kReading) return;
  EXPECT_FALSE(report::to_json(*map).dump().empty());
  EXPECT_TRUE(exporting::to_pprof(session, *map));
}

// A later file of a split recording as it is read alone: none of its times is before its begin.
void check_alone(const Recording& recording, Depth depth) {
  Recording alone = recording;
  stand_alone(alone);
  for (const Session& process : alone.processes) {
    check_process(process, depth);
    if (!process.segment || process.segment->number == 1) continue;
    EXPECT_EQ(process.header.start_monotonic_ns, process.segment->begin_ns);
    for (const Object& object : process.objects) {
      EXPECT_GE(object.record.born_ns, process.segment->begin_ns);
    }
  }
}

}  // namespace

std::string sealed(const std::string& bytes) {
  if (bytes.size() < sizeof(FileHeader)) return bytes;
  SessionBuilder chunks;
  const std::size_t header_bytes = chunks.bytes().size();
  std::size_t at = sizeof(FileHeader);
  while (bytes.size() - at >= sizeof(ChunkHeader)) {
    ChunkHeader chunk;
    std::memcpy(&chunk, bytes.data() + at, sizeof chunk);
    at += sizeof chunk;
    if (chunk.payload_bytes > bytes.size() - at) break;
    chunks.raw_chunk(chunk.kind, bytes.substr(at, chunk.payload_bytes));
    at += chunk.payload_bytes;
  }
  return bytes.substr(0, sizeof(FileHeader)) + chunks.bytes().substr(header_bytes);
}

std::size_t check_process(const Session& process, Depth depth) {
  check_heat(process, depth);
  return check_objects(process) + process.host.size();
}

// Everything that a reading may not break, whatever the bytes were.
int session_input(const std::string& bytes) {
  return check_reading(parse_recording(bytes.data(), bytes.size(), "fuzz"), bytes, Depth::kWhole);
}

int check_reading(const Result<Recording>& recording, const std::string& bytes, Depth depth) {
  if (!recording) {
    EXPECT_EQ(recording.error().code, ErrorCode::kUsage);
    EXPECT_NE(recording.error().message[0], '\0');
    return 0;
  }
  EXPECT_FALSE(recording->processes.empty());
  EXPECT_LT(heat::hottest(*recording), recording->processes.size());
  std::size_t held = 0;
  bool split = false;
  for (const Session& process : recording->processes) {
    EXPECT_LE(process.bytes_ignored, bytes.size());
    held += check_process(process, depth);
    split = split || process.segment.has_value();
  }
  if (split) check_alone(*recording, depth);
  EXPECT_LE(held, bytes.size() * kMaxPackRatio) << "more was taken than the file may hold";
  if (recording->processes.front().header.schema_version == kSchemaVersion) {
    EXPECT_LE(held, bytes.size()) << "more was taken than the file holds";
  }
  return 1;
}

int sealed_session_input(const std::string& bytes) {
  const int read = session_input(bytes);
  const std::string again = sealed(bytes);
  return again == bytes ? read : read | session_input(again);
}

}  // namespace terrace::fuzz
