// SPDX-License-Identifier: Apache-2.0
#include "profiler/session/session_reader.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/unit/session/session_builder.h"

namespace terrace::session::session_reader_test {
namespace {

Result<Session> parse(const std::string& bytes) {
  return parse_session(bytes.data(), bytes.size(), "s.tsession");
}

SessionBuilder small_session() {
  SessionBuilder builder;
  builder.tier("fast").tier("slow", BackingKind::kEmulatedLink).module(0, "/lib/libengine.so");
  builder.object(1, {0, 1, 0}, 0.5, {{0, 0, 0x1234}, {UINT32_MAX, 0, 99}});
  builder.heat(1, SourceKind::kPresentBits, 1, 2, 0.1, {3, 0, 4});
  builder.object(2, {1}, 1.5, {}, "/models/m.gguf");
  builder.step(3, 0.05, 20).object_end(2, 4).end();
  return builder;
}

std::string error_of(const std::string& bytes) {
  const Result<Session> session = parse(bytes);
  return session ? "" : session.error().message;
}

TEST(SessionReader, ReadsEveryKindOfChunk) {
  const Result<Session> session = parse(small_session().bytes());
  ASSERT_TRUE(session) << session.error().message;
  EXPECT_TRUE(session->complete);
  EXPECT_EQ(session->bytes_ignored, 0u);
  ASSERT_EQ(session->objects.size(), 2u);
  EXPECT_EQ(session->objects[0].frames[0].module, "/lib/libengine.so");
  EXPECT_EQ(session->objects[0].frames[1].module, "");
  EXPECT_EQ(session->objects[1].path, "/models/m.gguf");
  EXPECT_EQ(session->objects[1].ended_ns, SessionBuilder::at(4));
  EXPECT_EQ(session->last_ns, SessionBuilder::at(4));
}

TEST(SessionReader, TheLastRecordOfASourceHolds) {
  SessionBuilder builder = small_session();
  builder.source(SourceKind::kPresentBits, 0, "the first that works", 5)
      .source(SourceKind::kWriteTracking, 4096, "asked for")
      .source(SourceKind::kPresentBits, 0, "still", 70);
  const Result<Session> session = parse(builder.bytes());
  ASSERT_TRUE(session) << session.error().message;
  ASSERT_EQ(session->sources.size(), 2u);
  EXPECT_EQ(session->sources[0].reason, "still");
  EXPECT_EQ(session->sources[0].record.own_cpu_ns, 70u);
  EXPECT_EQ(session->sources[1].record.bytes_per_observation, 4096u);
}

TEST(SessionReader, ASourceRecordThatIsCutShortEndsTheReading) {
  SessionBuilder builder = small_session();
  builder.raw_chunk(static_cast<std::uint32_t>(ChunkKind::kSource), std::string(79, 'x'));
  const Result<Session> session = parse(builder.bytes());
  ASSERT_TRUE(session);
  EXPECT_TRUE(session->sources.empty());
  EXPECT_GT(session->bytes_ignored, 0u);
}

TEST(SessionReader, LooksThatAreCutShortEndTheReading) {
  SessionBuilder builder = small_session();
  builder.raw_chunk(static_cast<std::uint32_t>(ChunkKind::kLooks),
                    std::string(2 * sizeof(LookRecord) - 1, 'x'));
  const Result<Session> session = parse(builder.bytes());
  ASSERT_TRUE(session);
  EXPECT_TRUE(session->looks.empty());
  EXPECT_GT(session->bytes_ignored, 0u);
}

TEST(SessionReader, AMarkThatIsCutShortEndsTheReading) {
  SessionBuilder builder = small_session();
  builder.raw_chunk(static_cast<std::uint32_t>(ChunkKind::kMark), std::string(15, 'x'));
  const Result<Session> session = parse(builder.bytes());
  ASSERT_TRUE(session);
  EXPECT_TRUE(session->marks.empty());
  EXPECT_GT(session->bytes_ignored, 0u);
}

TEST(SessionReader, TakesEverythingBeforeTheLastWholeChunkWhereverItIsCut) {
  const std::string whole = small_session().bytes();
  std::size_t most_objects = 0;
  std::size_t accepted = 0;
  for (std::size_t length = 0; length < whole.size(); ++length) {
    const Result<Session> session = parse(whole.substr(0, length));
    if (!session) {
      EXPECT_EQ(session.error().code, ErrorCode::kUsage);
      EXPECT_NE(session.error().message[0], '\0');
      continue;
    }
    ++accepted;
    EXPECT_FALSE(session->complete);
    EXPECT_GE(session->objects.size(), most_objects) << length;
    EXPECT_LT(session->bytes_ignored, length);
    most_objects = session->objects.size();
  }
  EXPECT_EQ(most_objects, 2u);
  EXPECT_GT(accepted, 100u);
}

TEST(SessionReader, AFlippedByteEndsTheReadingAtItsChunk) {
  const std::string whole = small_session().bytes();
  std::size_t chunk_at = sizeof(FileHeader);
  while (chunk_at < whole.size()) {
    ChunkHeader chunk;
    std::memcpy(&chunk, whole.data() + chunk_at, sizeof chunk);
    const std::size_t end = chunk_at + sizeof chunk + chunk.payload_bytes;
    for (std::size_t at = chunk_at; at < end; ++at) {
      const bool reserved =
          at >= chunk_at + offsetof(ChunkHeader, reserved) && at < chunk_at + sizeof(ChunkHeader);
      std::string damaged = whole;
      damaged[at] = static_cast<char>(damaged[at] ^ 0x20);
      const Result<Session> session = parse(damaged);
      if (reserved) {
        ASSERT_TRUE(session);
        EXPECT_TRUE(session->complete);
      } else if (session) {
        EXPECT_EQ(session->bytes_ignored, whole.size() - chunk_at) << at;
      } else {
        EXPECT_NE(std::string(session.error().message).find(std::to_string(chunk_at)),
                  std::string::npos);
      }
    }
    chunk_at = end;
  }
}

TEST(SessionReader, SkipsKindsThatItDoesNotKnow) {
  SessionBuilder builder;
  builder.tier("fast").raw_chunk(4711, "from the future").object(1, {0}).end();
  const Result<Session> session = parse(builder.bytes());
  ASSERT_TRUE(session);
  EXPECT_EQ(session->objects.size(), 1u);
  EXPECT_EQ(session->bytes_ignored, 0u);
  EXPECT_TRUE(session->complete);
}

TEST(SessionReader, PassesOverRecordsOfObjectsThatWereNeverBorn) {
  SessionBuilder builder;
  builder.tier("fast").heat(9, SourceKind::kPresentBits, 0, 1, 1, {5}).object_end(9, 1);
  builder.chunk(ChunkKind::kPlacement, PlacementRecord{9, 1}, std::string(1, '\0'));
  builder.object(1, {0}).object(1, {0, 0}).end();
  const Result<Session> session = parse(builder.bytes());
  ASSERT_TRUE(session);
  ASSERT_EQ(session->objects.size(), 1u) << "a second birth of the same object is passed over";
  EXPECT_EQ(session->objects[0].record.block_count, 1u);
  EXPECT_TRUE(session->objects[0].heat.empty());
  EXPECT_TRUE(session->complete);
}

TEST(SessionReader, ContradictionsWithinAChunkEndTheReading) {
  const auto ignored_after = [](const SessionBuilder& builder) {
    const Result<Session> session = parse(builder.bytes());
    return session ? session->bytes_ignored : 0;
  };
  SessionBuilder base;
  base.tier("fast").object(1, {0, 0});
  SessionBuilder few_touches = base;
  few_touches.heat(1, SourceKind::kPresentBits, 0, 1, 1, {5});
  EXPECT_GT(ignored_after(few_touches), 0u);
  SessionBuilder backwards = base;
  backwards.heat(1, SourceKind::kPresentBits, 2, 1, 1, {5, 5});
  EXPECT_GT(ignored_after(backwards), 0u);
  SessionBuilder unknown_tier = base;
  unknown_tier.object(2, {7});
  EXPECT_GT(ignored_after(unknown_tier), 0u);
  SessionBuilder moved_to_unknown = base;
  moved_to_unknown.chunk(ChunkKind::kPlacement, PlacementRecord{1, 2}, "\x00\x05");
  EXPECT_GT(ignored_after(moved_to_unknown), 0u);
  SessionBuilder short_record = base;
  short_record.raw_chunk(static_cast<std::uint32_t>(ChunkKind::kStep), "abc");
  EXPECT_GT(ignored_after(short_record), 0u);
}

TEST(SessionReader, HugeCountsInASmallFileAreRefusedWithoutAllocating) {
  ObjectRecord record{};
  record.object = 1;
  record.size_bytes = UINT64_MAX;
  record.block_count = UINT64_MAX / 2;
  record.frame_count = UINT32_MAX;
  record.path_bytes = UINT32_MAX;
  SessionBuilder hostile;
  hostile.tier("fast").chunk(ChunkKind::kObject, record);
  EXPECT_NE(error_of(hostile.bytes()).find("contradicts itself"), std::string::npos);

  SessionBuilder blocks;
  record.frame_count = 0;
  record.path_bytes = 0;
  record.size_bytes = UINT64_MAX - kBlockBytes.value;
  record.block_count = blocks_for(Bytes(record.size_bytes));
  blocks.tier("fast").chunk(ChunkKind::kObject, record);
  EXPECT_NE(error_of(blocks.bytes()).find("contradicts itself"), std::string::npos);

  std::string long_chunk = SessionBuilder().bytes();
  const ChunkHeader header{3, UINT32_MAX, 0, 0};
  long_chunk.append(reinterpret_cast<const char*>(&header), sizeof header);
  EXPECT_NE(error_of(long_chunk).find("impossible length"), std::string::npos);
}

TEST(SessionReader, NamesTheFileTheOffsetAndTheRemedy) {
  EXPECT_NE(error_of("").find("s.tsession is empty"), std::string::npos);
  EXPECT_NE(error_of("GGUF and more text").find("terrace record"), std::string::npos);
  EXPECT_NE(error_of(SessionBuilder().bytes().substr(0, 40)).find("within its header"),
            std::string::npos);

  std::string newer = SessionBuilder().bytes();
  newer[offsetof(FileHeader, schema_version)] = 4;
  EXPECT_NE(error_of(newer).find("schema 4"), std::string::npos);

  std::string torn = SessionBuilder().tier("fast").bytes();
  torn.pop_back();
  const std::string message = error_of(torn);
  EXPECT_NE(message.find("offset " + std::to_string(sizeof(FileHeader))), std::string::npos)
      << message;

  const Result<Session> missing = read_session("/nonexistent/s.tsession");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::kIo);
}

TEST(SessionReader, ALargerHeaderOfTheSameSchemaIsSteppedOver) {
  std::string bytes = SessionBuilder().bytes();
  const std::string chunks =
      SessionBuilder().tier("fast").object(1, {0}).bytes().substr(bytes.size());
  const std::uint32_t larger = sizeof(FileHeader) + 8;
  std::memcpy(bytes.data() + offsetof(FileHeader, header_bytes), &larger, sizeof larger);
  const Result<Session> session = parse(bytes + "new here" + chunks);
  ASSERT_TRUE(session);
  EXPECT_EQ(session->objects.size(), 1u);
}

}  // namespace
}  // namespace terrace::session::session_reader_test
