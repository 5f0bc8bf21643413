// SPDX-License-Identifier: Apache-2.0
#include "tiering/names/name_session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "profiler/session/names_chunk.h"
#include "profiler/sites/site_hash.h"
#include "tests/temporary_folder.h"
#include "tests/unit/names/mixture_file.h"
#include "tests/unit/session/session_builder.h"
#include "tiering/names/os/file_facts.h"

namespace terrace::names::name_session_test {
namespace {

using session::ChunkKind;
using session::NamedHow;
using session::SessionBuilder;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing_support::TemporaryFolder;

constexpr std::uint64_t kAllTensors = 1152 + 256 + 2 * (4608 + 1024 + 2304 + 256) + 3456;

struct Wanted {
  std::uint64_t id;
  std::uint64_t size;
  std::string path;  ///< empty: heap
  std::uint64_t site = 7;
};

void add(SessionBuilder& builder, const Wanted& wanted) {
  session::ObjectRecord record{};
  record.object = wanted.id;
  record.site_hash = wanted.site;
  record.size_bytes = wanted.size;
  record.base_address = wanted.id << 32;
  record.born_ns = SessionBuilder::at(0);
  record.block_count = 1;
  record.origin = static_cast<std::uint32_t>(wanted.path.empty() ? Origin::kHeap : Origin::kFile);
  record.path_bytes = static_cast<std::uint32_t>(wanted.path.size());
  builder.chunk(ChunkKind::kObject, record, std::string(1, '\0') + wanted.path);
}

/// Recorded after every file of the test was written.
session::Session session_of(const std::vector<Wanted>& objects) {
  SessionBuilder builder;
  builder.tier("fast");
  for (const Wanted& object : objects) add(builder, object);
  builder.end();
  auto session = session::parse_session(builder.bytes().data(), builder.bytes().size(), "s");
  EXPECT_TRUE(session.ok());
  const auto later = std::chrono::system_clock::now() + std::chrono::hours(1);
  session->header.start_realtime_ns =
      static_cast<std::uint64_t>(std::chrono::nanoseconds(later.time_since_epoch()).count());
  return *session;
}

Wanted mapping(std::uint64_t id, const std::string& path, std::uint64_t offset = 0) {
  const std::uint64_t size = os::facts_of(path)->size_bytes;
  return {id, size, path, sites::file_site_hash(path.c_str(), size, offset)};
}

std::string mixture(const TemporaryFolder& folder) {
  return folder.write("m.gguf", fixture::gguf_of(fixture::mixture_tensors()));
}

std::vector<SiteRule> rules(const std::string& text) {
  auto parsed = parse_site_rules(text, "r.toml");
  EXPECT_TRUE(parsed.ok());
  return *parsed;
}

TEST(NameSession, AMappingIsNamedFromTheFileItself) {
  const TemporaryFolder folder;
  const std::string path = mixture(folder);
  const auto naming = name_session(session_of({mapping(1, path)}), {});
  ASSERT_TRUE(naming.ok());
  ASSERT_EQ(naming->objects.size(), 1u);
  EXPECT_EQ(naming->objects[0].file.path, path);
  EXPECT_EQ(naming->objects[0].ranges[0].how, NamedHow::kExactFile);
  EXPECT_EQ(naming->objects[0].ranges[0].confidence, 100);
  EXPECT_THAT(naming->notes, IsEmpty());
}

TEST(NameSession, AMappingOfAnotherStateOrPartOfTheFileIsRefused) {
  const TemporaryFolder folder;
  const std::string path = mixture(folder);
  for (Wanted object : {mapping(1, path, 4096), mapping(1, path)}) {
    object.site += object.site == mapping(1, path).site ? 1 : 0;
    const auto naming = name_session(session_of({object}), {});
    EXPECT_THAT(naming->objects, IsEmpty());
    EXPECT_THAT(naming->notes, Contains(HasSubstr("left unnamed")));
  }
}

TEST(NameSession, AFileThatChangedSinceIsSaidAndLessSure) {
  const TemporaryFolder folder;
  const std::string path = mixture(folder);
  session::Session session = session_of({mapping(1, path)});
  session.header.start_realtime_ns = 1;
  const auto naming = name_session(session, {});
  EXPECT_THAT(naming->notes, Contains(HasSubstr("was changed after the recording began")));
  EXPECT_LE(naming->objects[0].ranges[0].confidence, 50);

  session::NamesFile as_seen = *os::facts_of(path);
  const auto same = name_session(session, {{{as_seen}}, {}, {}});
  EXPECT_THAT(same->notes, IsEmpty()) << "seen after it was written, and the same since";
  ++as_seen.inode;
  const auto replaced = name_session(session, {{{as_seen}}, {}, {}});
  EXPECT_THAT(replaced->notes, Contains(HasSubstr("was changed")));
}

TEST(NameSession, ABufferIsNamedFromAFileThatTheProgramHadOpen) {
  const TemporaryFolder folder;
  const std::string path = mixture(folder);
  const session::Session session = session_of({{1, kAllTensors, ""}, {2, 12345, ""}});
  const auto naming = name_session(session, {{{*os::facts_of(path)}}, {}, {}});
  ASSERT_EQ(naming->objects.size(), 1u);
  EXPECT_EQ(naming->objects[0].object, 1u);
  EXPECT_EQ(naming->objects[0].ranges[0].how, NamedHow::kOrderAndSize);
  EXPECT_THAT(name_session(session, {})->objects, IsEmpty()) << "nobody knows of the file";
}

TEST(NameSession, RulesNameWhatNoFileDoesAndCountTheirTurns) {
  const TemporaryFolder folder;
  const std::string text =
      "[[site]]\nname = \"small {n}\"\nclass = \"kv\"\nmax-size = \"1K\"\n"
      "[[site]]\nname = \"second\"\nclass = \"scratch\"\nmin-size = \"2K\"\nturn = 1\n";
  const auto naming =
      name_session(session_of({{1, 100, ""}, {2, 200, ""}, {3, 4096, ""}, {4, 8192, ""}}),
                   {{}, {}, rules(text)});
  ASSERT_EQ(naming->objects.size(), 3u);
  EXPECT_EQ(naming->objects[0].ranges[0].name, "small 0");
  EXPECT_EQ(naming->objects[1].ranges[0].name, "small 1");
  EXPECT_EQ(naming->objects[1].ranges[0].size.value, 200u);
  EXPECT_EQ(naming->objects[2].object, 4u);
  EXPECT_EQ(naming->objects[2].ranges[0].name, "second");
}

TEST(NameSession, AWeightBufferThatNoFileFitsKeepsItsRulesNameAndSaysWhy) {
  const TemporaryFolder folder;
  const std::string path = mixture(folder);
  const auto naming = name_session(
      session_of({{1, 4096, ""}}),
      {{}, {path}, rules("[[site]]\nname = \"w\"\nclass = \"weight\"\nmin-size = \"1\"\n")});
  ASSERT_EQ(naming->objects.size(), 1u);
  EXPECT_EQ(naming->objects[0].ranges[0].name, "w");
  EXPECT_THAT(naming->notes, Contains(HasSubstr("no set of the tensors")));
}

TEST(NameSession, AModelThatTheUserNamesMustBeReadableOthersNeedNot) {
  const TemporaryFolder folder;
  const std::string cut = folder.write("cut.gguf", "GGUF");
  EXPECT_FALSE(name_session(session_of({{1, 4096, ""}}), {{}, {cut}, {}}).ok());
  const auto naming = name_session(session_of({mapping(1, cut)}), {});
  ASSERT_TRUE(naming.ok());
  EXPECT_THAT(naming->notes, Contains(HasSubstr("cut.gguf")));
}

TEST(NameSession, WhatTheEngineNamedItselfStays) {
  const TemporaryFolder folder;
  session::Session session = session_of({mapping(1, mixture(folder))});
  session.objects[0].names = {{"own", {}, 0, Bytes(10), 100, NamedHow::kApi}};
  EXPECT_THAT(name_session(session, {})->objects, IsEmpty());
}

TEST(NameSession, NamesGoThroughTheFileUnchanged) {
  const TemporaryFolder folder;
  const std::string model = mixture(folder);
  SessionBuilder builder;
  builder.tier("fast");
  add(builder, mapping(1, model));
  const std::string path = folder.write("s.session", builder.bytes() + "torn");
  auto session = session::read_session(path);
  ASSERT_TRUE(session.ok());
  ASSERT_EQ(session->bytes_ignored, 4u);
  const auto naming = name_session(*session, {{{*os::facts_of(model)}}, {}, {}});
  const Status added = session::append_names(path, naming->objects, session->bytes_ignored);
  ASSERT_TRUE(added.ok()) << added.error().message;
  const auto again = session::read_session(path);
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->bytes_ignored, 0u);
  apply_names(*session, *naming);
  ASSERT_EQ(again->objects[0].names.size(), session->objects[0].names.size());
  for (std::size_t i = 0; i < again->objects[0].names.size(); ++i) {
    const session::NamedRange& read = again->objects[0].names[i];
    const session::NamedRange& written = session->objects[0].names[i];
    EXPECT_EQ(read.name, written.name);
    EXPECT_EQ(read.memory_class, written.memory_class);
    EXPECT_EQ(read.first_byte, written.first_byte);
    EXPECT_EQ(read.size.value, written.size.value);
    EXPECT_EQ(read.confidence, written.confidence);
    EXPECT_EQ(read.how, written.how);
  }
  EXPECT_TRUE(again->objects[0].names_file.same_content(*os::facts_of(model)));
  EXPECT_EQ(again->objects[0].names_file.path, model);
  EXPECT_EQ(session::append_names("/nonexistent/s", naming->objects, 0).error().code,
            ErrorCode::kIo);
}

}  // namespace
}  // namespace terrace::names::name_session_test
