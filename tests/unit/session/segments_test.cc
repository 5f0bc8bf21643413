// SPDX-License-Identifier: Apache-2.0
#include "profiler/session/segments.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <string>
#include <vector>

#include "profiler/session/segment_glance.h"
#include "profiler/session/session_packer.h"
#include "tests/temporary_folder.h"
#include "tests/unit/session/session_builder.h"

namespace terrace::session::segments_test {
namespace {

/// Begins with its process, as the writer's files do; the pid is the builder's header's.
SessionBuilder file_of(std::uint32_t number, double begin_s, std::uint32_t carried) {
  SessionBuilder builder;
  builder.process(42, 1).segment(number, begin_s, carried).tier("fast");
  return builder;
}

SegmentFile read(const std::string& name, const SessionBuilder& builder) {
  Result<Recording> recording =
      parse_recording(builder.bytes().data(), builder.bytes().size(), name);
  EXPECT_TRUE(recording) << recording.error().message;
  return {name, std::move(*recording)};
}

SegmentFile first(double until = 10) {
  SessionBuilder builder = file_of(1, 0, 0);
  builder.object(1, {0}, 1).object(2, {0}, 2).continued(2, until).end();
  return read("first", builder);
}

/// Object 2 ended in the second file, 3 was born there.
SegmentFile third() {
  SessionBuilder builder = file_of(3, 20, 2);
  builder.object(3, {0}, 15).object(1, {0}, 1).end();
  return read("third", builder);
}

std::string error_of(std::vector<SegmentFile> files) {
  const Result<WholeRecording> whole = join_segments(std::move(files));
  EXPECT_FALSE(whole);
  return whole ? "" : whole.error().message;
}

TEST(Segments, NameWhatIsMissingInTheMiddleAndEndWhatEndedThere) {
  std::vector<SegmentFile> files;
  files.push_back(third());
  files.push_back(first());
  const Result<WholeRecording> whole = join_segments(std::move(files));
  ASSERT_TRUE(whole) << whole.error().message;
  ASSERT_EQ(whole->gaps.size(), 1u);
  EXPECT_NE(whole->gaps[0].find("segment 2 of process 42 not found, between first and third"),
            std::string::npos)
      << whole->gaps[0];
  const Session& session = whole->recording.processes.front();
  ASSERT_EQ(session.objects.size(), 3u);
  EXPECT_EQ(session.objects[0].ended_ns, 0u);
  EXPECT_EQ(session.objects[1].ended_ns, SessionBuilder::at(20));
  EXPECT_EQ(session.objects[2].record.object, 3u);
}

TEST(Segments, RefuseAnObjectOfTwoSizes) {
  SessionBuilder builder = file_of(2, 10, 1);
  builder.object(1, {0, 0}, 1).end();
  std::vector<SegmentFile> files;
  files.push_back(first());
  files.push_back(read("second", builder));
  const std::string error = error_of(std::move(files));
  EXPECT_NE(error.find("second tells of object 1 with another size"), std::string::npos) << error;
}

TEST(Segments, BeginWithTheFirstThatIsThere) {
  std::vector<SegmentFile> files;
  files.push_back(third());
  const Result<WholeRecording> whole = join_segments(std::move(files));
  ASSERT_TRUE(whole) << whole.error().message;
  ASSERT_EQ(whole->gaps.size(), 1u);
  EXPECT_NE(whole->gaps[0].find("segments 1 to 2"), std::string::npos);
  EXPECT_EQ(whole->recording.processes.front().header.start_monotonic_ns, SessionBuilder::at(20));
}

TEST(Segments, TakeAMissingBeginningAsAskedWhereOnlyTheLastFilesAreKept) {
  SessionBuilder builder;
  builder.process(42, 1).segment(4, 30, 0, 7, 3).tier("fast").end();
  std::vector<SegmentFile> files;
  files.push_back(read("fourth", builder));
  const Result<WholeRecording> whole = join_segments(std::move(files));
  ASSERT_TRUE(whole) << whole.error().message;
  EXPECT_TRUE(whole->gaps.empty());
}

TEST(Segments, SayThatTheRecordingGoesOn) {
  std::vector<SegmentFile> files;
  files.push_back(first());
  const Result<WholeRecording> whole = join_segments(std::move(files));
  ASSERT_TRUE(whole) << whole.error().message;
  ASSERT_EQ(whole->gaps.size(), 1u);
  EXPECT_NE(whole->gaps[0].find("goes on after first"), std::string::npos);
}

TEST(Segments, GoOnBehindATornFile) {
  SessionBuilder torn = file_of(1, 0, 0);
  torn.object(1, {0}, 1);
  std::vector<SegmentFile> files;
  files.push_back(read("torn", torn));
  files.back().recording.processes.front().bytes_ignored = 9;
  SessionBuilder next = file_of(2, 10, 1);
  files.push_back(read("next", next.object(1, {0}, 1).end()));
  const Result<WholeRecording> whole = join_segments(std::move(files));
  ASSERT_TRUE(whole) << whole.error().message;
  ASSERT_EQ(whole->gaps.size(), 1u);
  EXPECT_NE(whole->gaps[0].find("torn: damaged; 9 bytes"), std::string::npos);
  EXPECT_TRUE(whole->recording.processes.front().complete);
  EXPECT_EQ(whole->recording.processes.front().bytes_ignored, 0u);
}

TEST(Segments, RefuseWhatDoesNotBelongTogether) {
  std::vector<SegmentFile> files;
  files.push_back(first());
  SessionBuilder other;
  other.process(42, 1).segment(2, 10, 0, 8).tier("fast").end();
  files.push_back(read("other", other));
  EXPECT_NE(error_of(std::move(files)).find("other is of another recording than first"),
            std::string::npos);

  std::vector<SegmentFile> copies;
  copies.push_back(first());
  copies.push_back(first());
  EXPECT_NE(error_of(std::move(copies)).find("the same segment 1"), std::string::npos);

  std::vector<SegmentFile> tiers;
  tiers.push_back(first());
  SessionBuilder slow;
  slow.process(42, 1).segment(2, 10).tier("slow").end();
  tiers.push_back(read("slow", slow));
  EXPECT_NE(error_of(std::move(tiers)).find("slow has other tiers than first"), std::string::npos);

  std::vector<SegmentFile> plain;
  plain.push_back(read("plain", SessionBuilder().tier("fast").object(1, {0})));
  EXPECT_NE(error_of(std::move(plain)).find("plain is not of a split recording"),
            std::string::npos);
  EXPECT_NE(error_of({}).find("no file"), std::string::npos);
}

TEST(Segments, StandAloneFromTheirOwnBeginOn) {
  SegmentFile file = third();
  stand_alone(file.recording);
  const Session& session = file.recording.processes.front();
  EXPECT_EQ(session.header.start_monotonic_ns, SessionBuilder::at(20));
  EXPECT_EQ(session.header.start_realtime_ns, SessionBuilder::at(20) * 2);
  ASSERT_EQ(session.objects.size(), 2u);
  EXPECT_EQ(session.objects[0].record.object, 1u);
  EXPECT_EQ(session.objects[1].record.object, 3u);
  for (const Object& object : session.objects) {
    EXPECT_EQ(object.record.born_ns, SessionBuilder::at(20));
  }
  SegmentFile begin = first();
  stand_alone(begin.recording);
  EXPECT_EQ(begin.recording.processes.front().objects[1].record.born_ns, SessionBuilder::at(2));
}

TEST(Segments, AreKnownAtAGlancePackedOrNot) {
  const testing_support::TemporaryFolder folder;
  const std::string path = folder.in("a");
  SessionBuilder builder = file_of(3, 20, 0);
  for (std::uint64_t id = 1; id < 200; ++id) builder.object(id, {0, 0, 0}, 20);
  builder.end();
  std::ofstream(path, std::ios::binary) << builder.bytes();
  for (int packed = 0; packed < 2; ++packed) {
    const auto glance = glance_at_segment(path);
    ASSERT_TRUE(glance);
    EXPECT_EQ(glance->segment.recording, 7u);
    EXPECT_EQ(glance->segment.number, 3u);
    EXPECT_EQ(glance->pid, 42u);
    const Result<PackResult> result = pack_session(path);
    ASSERT_TRUE(result.ok());
    EXPECT_EQ(result->packing, packed == 0 ? Packing::kPacked : Packing::kLeftAlone);
  }
  std::ofstream(path, std::ios::binary) << SessionBuilder().tier("fast").end().bytes();
  EXPECT_FALSE(glance_at_segment(path));
  std::ofstream(path, std::ios::binary) << "no session";
  EXPECT_FALSE(glance_at_segment(path));
}

TEST(Segments, AreMalformedTwiceInAFileOrBehindAnObject) {
  SessionBuilder twice = file_of(1, 0, 0);
  twice.object(1, {0}).segment(2, 1);
  const SegmentFile file = read("twice", twice);
  EXPECT_GT(file.recording.processes.front().bytes_ignored, 0u);
  EXPECT_EQ(file.recording.processes.front().segment->number, 1u);
}

}  // namespace
}  // namespace terrace::session::segments_test
