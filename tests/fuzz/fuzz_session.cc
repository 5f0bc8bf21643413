// SPDX-License-Identifier: Apache-2.0
// Damaged session files through the whole offline path: reader, heat map, report. Damage comes in
// two kinds: raw (the CRC catches most of it) and sealed again with a right CRC, so that the
// decoder's own checks are what is tested. The number of rounds is fixed and the seed is logged;
// TERRACE_FUZZ_SEED replaces it.
#include <gtest/gtest.h>
#include <zlib.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "profiler/export/export.h"
#include "profiler/heat/heat_map.h"
#include "profiler/heat/process_heat.h"
#include "profiler/heat/timeline.h"
#include "profiler/report/report.h"
#include "profiler/session/names_chunk.h"
#include "profiler/session/session_reader.h"
#include "tests/unit/session/packed_builder.h"
#include "tests/unit/session/session_builder.h"

namespace terrace::session {
namespace {

unsigned logged_seed() {
  const char* given = std::getenv("TERRACE_FUZZ_SEED");
  const unsigned seed =
      given != nullptr ? static_cast<unsigned>(std::strtoul(given, nullptr, 10)) : 0xC0FFEE;
  testing::Test::RecordProperty("seed", std::to_string(seed));
  std::printf("seed %u (TERRACE_FUZZ_SEED replaces it)\n", seed);
  return seed;
}

SessionBuilder whole_session() {
  SessionBuilder builder;
  builder.tier("fast").tier("slow", BackingKind::kEmulatedLink);
  builder.module(0, "/nonexistent/libengine.so", 0x7f0000000000);
  builder.object(1, {0, 1, 0, 1, 0}, 0, {{0, 0, 0x1234}, {UINT32_MAX, 0, 99}});
  builder.object(2, {1, 1}, 0.5, {}, "/models/m.gguf");
  builder.source(SourceKind::kPresentBits, 0).source(SourceKind::kReferencedBits, 4096);
  for (int second = 1; second < 5; ++second) {
    builder.heat(1, SourceKind::kWriteTracking, second, second + 1, 0.1, {512, 0, 0, 7, 0});
    builder.heat(1, SourceKind::kPresentBits, second, second + 1, 0.1, {3, 0, 4, 2, 9});
    builder.heat(1, SourceKind::kLinkFaults, second, second + 1, 1, {0, 20, 0, 21, 0});
    builder.heat(2, SourceKind::kReferencedBits, second, second + 1, 0.5, {700});
    builder.step(second + 1, 0.05, 20);
    builder.chunk(ChunkKind::kCost, CostRecord{SessionBuilder::at(second + 1), 5, 6, 7, 8, 6});
  }
  builder.chunk(ChunkKind::kPlacement, PlacementRecord{2, 2}, std::string(2, '\0'));
  builder.heat(2, SourceKind::kPresentBits, 5, 6, 0.1, {1, 2});
  builder.object_end(2, 5).end();
  ObjectNames names;
  names.object = 1;
  names.file = {"/models/m.gguf", 1, 2, 3, 4};
  names.ranges = {
      {"blk.0.ffn_up_exps.weight[1]", MemoryClass::kExpert, 0, kBlockBytes, 95,
       NamedHow::kOrderAndSize},
      {"kv cache 0", MemoryClass::kKv, 3 * kBlockBytes.value, Bytes(77), 90, NamedHow::kSiteRule}};
  builder.raw_chunk(static_cast<std::uint32_t>(ChunkKind::kNames), encode_names(names));
  // Another process, with the same numbers for other things, and the first one again.
  builder.process(43, 42, 1).tier("slow", BackingKind::kEmulatedLink);
  builder.object(1, {0, 0}, 1.5).heat(1, SourceKind::kLinkFaults, 2, 3, 1, {5, 6});
  builder.step(3, 0.5, 2).end();
  builder.process(42, 1).raw_chunk(static_cast<std::uint32_t>(ChunkKind::kNames),
                                   encode_names(names));
  return builder;
}

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

void check_heat(const Session& session) {
  check_timeline(session);
  EXPECT_GE(heat::bytes_read(session), 0);
  const Result<heat::HeatMap> map = heat::build_heat_map(session);
  if (!map) return;
  for (const heat::ObjectHeat& object : map->objects) {
    EXPECT_EQ(object.block_bytes_per_second.size(), object.block_tiers.size());
    EXPECT_TRUE(object.bytes_per_second() >= 0) << object.bytes_per_second();
    for (const heat::NamedHeat& named : object.names) EXPECT_GE(named.bytes_per_second, 0);
  }
  EXPECT_FALSE(report::render_text(*map, {}).empty());
  EXPECT_FALSE(report::to_json(*map).dump().empty());
  EXPECT_TRUE(exporting::to_pprof(session, *map));
}

// Everything that a reading may not break, whatever the bytes were. Returns whether it was read.
bool check(const std::string& bytes) {
  const Result<Recording> recording = parse_recording(bytes.data(), bytes.size(), "fuzz");
  if (!recording) {
    EXPECT_EQ(recording.error().code, ErrorCode::kUsage);
    EXPECT_NE(recording.error().message[0], '\0');
    return false;
  }
  EXPECT_FALSE(recording->processes.empty());
  EXPECT_LT(heat::hottest(*recording), recording->processes.size());
  std::size_t held = 0;
  for (const Session& process : recording->processes) {
    EXPECT_LE(process.bytes_ignored, bytes.size());
    held += check_objects(process) + process.host.size();
    check_heat(process);
  }
  EXPECT_LE(held, bytes.size() * kMaxPackRatio) << "more was taken than the file may hold";
  if (recording->processes.front().header.schema_version == kSchemaVersion) {
    EXPECT_LE(held, bytes.size()) << "more was taken than the file holds";
  }
  return true;
}

void damage(std::string& bytes, std::size_t from, std::mt19937& random) {
  if (bytes.size() <= from) return;
  const std::size_t at = from + random() % (bytes.size() - from);
  constexpr unsigned char kEdges[] = {0x00, 0x01, 0x7F, 0x80, 0xFF};
  switch (random() % 4) {
    case 0:
      bytes[at] = static_cast<char>(random());
      break;
    case 1:
      bytes[at] = static_cast<char>(bytes[at] ^ (1u << (random() % 8)));
      break;
    case 2:
      for (std::size_t i = at; i < std::min(at + 8, bytes.size()); ++i) {
        bytes[i] = static_cast<char>(kEdges[random() % std::size(kEdges)]);
      }
      break;
    default:
      bytes.erase(at, 1 + random() % 16);
  }
}

TEST(FuzzSession, RawDamageIsNoticedOrHarmless) {
  std::mt19937 random(logged_seed());
  const std::string whole = whole_session().bytes();
  ASSERT_TRUE(check(whole));
  int read = 0;
  for (int round = 0; round < 20000; ++round) {
    std::string bytes = whole;
    for (auto hits = 1 + random() % 3; hits > 0; --hits) damage(bytes, 0, random);
    read += check(bytes) ? 1 : 0;
  }
  EXPECT_GT(read, 0);
  EXPECT_LT(read, 20000);
}

// One chunk's payload, length or kind changed, its CRC made right again.
std::string resealed(const std::string& whole, std::mt19937& random) {
  std::vector<std::size_t> chunks;
  for (std::size_t at = sizeof(FileHeader); at < whole.size();) {
    chunks.push_back(at);
    ChunkHeader chunk;
    std::memcpy(&chunk, whole.data() + at, sizeof chunk);
    at += sizeof chunk + chunk.payload_bytes;
  }
  const std::size_t at = chunks[random() % chunks.size()];
  ChunkHeader chunk;
  std::memcpy(&chunk, whole.data() + at, sizeof chunk);
  std::string payload = whole.substr(at + sizeof chunk, chunk.payload_bytes);
  for (auto hits = 1 + random() % 3; hits > 0; --hits) damage(payload, 0, random);
  if (random() % 8 == 0) chunk.kind = static_cast<std::uint32_t>(random() % 16);
  SessionBuilder sealed;
  const std::size_t header_bytes = sealed.bytes().size();
  sealed.raw_chunk(chunk.kind, payload);
  return whole.substr(0, at) + sealed.bytes().substr(header_bytes) +
         whole.substr(at + sizeof chunk + chunk.payload_bytes);
}

TEST(FuzzSession, DamageUnderARightCrcIsNoticedOrHarmless) {
  std::mt19937 random(logged_seed());
  const std::string whole = whole_session().bytes();
  int read = 0;
  for (int round = 0; round < 8000; ++round) {
    std::string bytes = resealed(whole, random);
    if (random() % 4 == 0) bytes.resize(random() % bytes.size());
    read += check(bytes) ? 1 : 0;
  }
  EXPECT_GT(read, 400) << "most of these reach the decoder and the heat map";
}

TEST(FuzzSession, RawDamageOfAPackedSessionIsNoticedOrHarmless) {
  std::mt19937 random(logged_seed());
  const std::string whole = packed_session(whole_session().bytes(), 700);
  ASSERT_TRUE(check(whole));
  int read = 0;
  for (int round = 0; round < 5000; ++round) {
    std::string bytes = whole;
    for (auto hits = 1 + random() % 3; hits > 0; --hits) damage(bytes, 0, random);
    read += check(bytes) ? 1 : 0;
  }
  EXPECT_GT(read, 0);
  EXPECT_LT(read, 5000);
}

TEST(FuzzSession, PackedDamageUnderARightCrcIsNoticedOrHarmless) {
  std::mt19937 random(logged_seed());
  const std::string whole = packed_session(whole_session().bytes(), 700);
  for (int round = 0; round < 5000; ++round) check(resealed(whole, random));
}

// Damage within what was compressed: frame, lengths and CRC of the outer chunk are right.
TEST(FuzzSession, DamageInsideAPackedChunkIsNoticedOrHarmless) {
  std::mt19937 random(logged_seed());
  const std::string whole = whole_session().bytes();
  int read = 0;
  for (int round = 0; round < 5000; ++round) {
    std::string bytes = resealed(whole, random);
    if (random() % 4 == 0) damage(bytes, sizeof(FileHeader), random);
    read += check(packed_session(bytes, 700)) ? 1 : 0;
  }
  EXPECT_GT(read, 500) << "most of these reach the decoder and the heat map";
}

TEST(FuzzSession, EveryTruncationOfAPackedSessionIsReadUpToItsLastWholeChunk) {
  const std::string whole = packed_session(whole_session().bytes(), 700);
  for (std::size_t length = 0; length <= whole.size(); ++length) check(whole.substr(0, length));
}

TEST(FuzzSession, EveryTruncationIsReadUpToItsLastWholeChunk) {
  const std::string whole = whole_session().bytes();
  for (std::size_t length = 0; length <= whole.size(); ++length) check(whole.substr(0, length));
}

}  // namespace
}  // namespace terrace::session
