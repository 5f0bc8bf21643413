// SPDX-License-Identifier: Apache-2.0
#include "profiler/session/session_packer.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>

#include "profiler/session/session_reader.h"
#include "tests/temporary_folder.h"
#include "tests/unit/session/packed_builder.h"
#include "tests/unit/session/session_builder.h"

namespace terrace::session::session_packer_test {
namespace {

namespace fs = std::filesystem;

Result<Session> parse(const std::string& bytes) {
  return parse_session(bytes.data(), bytes.size(), "s.tsession");
}

SessionBuilder long_session(int seconds) {
  SessionBuilder builder;
  builder.tier("fast").tier("slow", BackingKind::kEmulatedLink).module(0, "/lib/libengine.so");
  builder.object(1, std::vector<std::uint8_t>(2000, 1), 0.5, {{0, 0, 0x1234}});
  std::mt19937 random(7);
  for (int second = 1; second <= seconds; ++second) {
    std::vector<std::uint32_t> touches(2000);
    for (std::uint32_t& count : touches) count = 3 + random() % 2;
    builder.heat(1, SourceKind::kPresentBits, second, second + 1, 0.1, touches);
  }
  return builder;
}

class SessionPacker : public testing::Test {
 protected:
  void write(const std::string& bytes) const { folder_.write("s", bytes); }
  std::string content() const {
    std::ifstream stream(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
  }
  auto files() const {
    return std::distance(fs::directory_iterator(folder_.path()), fs::directory_iterator());
  }

  const testing_support::TemporaryFolder folder_;
  const std::string path_ = folder_.in("s");
};

void expect_same(const Session& plain, const Session& packed) {
  EXPECT_EQ(plain.complete, packed.complete);
  EXPECT_EQ(plain.last_ns, packed.last_ns);
  EXPECT_EQ(plain.tiers.size(), packed.tiers.size());
  ASSERT_EQ(plain.objects.size(), packed.objects.size());
  for (std::size_t i = 0; i < plain.objects.size(); ++i) {
    const Object& a = plain.objects[i];
    const Object& b = packed.objects[i];
    EXPECT_EQ(a.block_tiers, b.block_tiers);
    ASSERT_EQ(a.heat.size(), b.heat.size());
    for (std::size_t j = 0; j < a.heat.size(); ++j) EXPECT_EQ(a.heat[j].touches, b.heat[j].touches);
  }
}

TEST_F(SessionPacker, HoldsTheSameInLessRoom) {
  const std::string plain = long_session(400).end().bytes();
  write(plain);
  const Result<PackResult> packed = pack_session(path_);
  ASSERT_TRUE(packed.ok()) << packed.error().message;
  EXPECT_EQ(packed->packing, Packing::kPacked);
  EXPECT_EQ(packed->before.value, plain.size());
  EXPECT_EQ(packed->after.value, fs::file_size(path_));
  EXPECT_LT(packed->after.value * 4, packed->before.value);
  const Result<Session> read = read_session(path_);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->header.schema_version, kPackedSchema);
  EXPECT_EQ(read->bytes_ignored, 0u);
  expect_same(*parse(plain), *read);
}

TEST_F(SessionPacker, LeavesNothingBesideAndNothingForOthersToRead) {
  write(long_session(2).end().bytes());
  ASSERT_TRUE(pack_session(path_));
  EXPECT_EQ(files(), 1);
  struct stat status {};
  ASSERT_EQ(::stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0600u);
}

TEST_F(SessionPacker, LeavesAloneWhatIsNotClosedTornOrPackedAlready) {
  const auto left = [this](const std::string& bytes) {
    write(bytes);
    const Result<PackResult> packed = pack_session(path_);
    EXPECT_TRUE(packed.ok());
    EXPECT_EQ(content(), bytes);
    EXPECT_EQ(files(), 1);
    return packed.ok() ? packed->packing : Packing::kPacked;
  };
  const std::string open = long_session(2).bytes();
  const std::string closed = long_session(2).end().bytes();
  EXPECT_EQ(left(open), Packing::kLeftOpen);
  EXPECT_EQ(left(closed + "torn"), Packing::kLeftDamaged);
  EXPECT_EQ(left(closed.substr(0, closed.size() - 1)), Packing::kLeftDamaged);
  EXPECT_EQ(left(packed_session(closed, 500)), Packing::kLeftAlone);
}

TEST_F(SessionPacker, RefusesForeignFilesLinksAndMissingOnes) {
  write("GGUF, and more than a header's length of text: " + std::string(400, 'x'));
  EXPECT_EQ(pack_session(path_).error().code, ErrorCode::kUsage);
  EXPECT_EQ(pack_session(folder_.in("none")).error().code, ErrorCode::kIo);
  write(long_session(2).end().bytes());
  fs::create_symlink(path_, folder_.in("link"));
  EXPECT_EQ(pack_session(folder_.in("link")).error().code, ErrorCode::kUsage);
}

TEST(PackedSession, ATearCostsNoMoreThanTheChunkThatItHits) {
  const std::string whole = packed_session(long_session(40).end().bytes(), 30000);
  std::size_t most = 0;
  for (std::size_t length = sizeof(FileHeader); length < whole.size(); length += 97) {
    const Result<Session> read = parse(whole.substr(0, length));
    if (!read || read->objects.empty()) continue;
    EXPECT_FALSE(read->complete);
    ASSERT_GE(read->objects[0].heat.size(), most);
    most = read->objects[0].heat.size();
  }
  EXPECT_GT(most, 25u);
}

TEST(PackedSession, HoldsAtMostWhatItsLengthBacks) {
  const std::string zeros(8u << 20, '\0');
  std::string bomb = packed_payload(zeros);
  bomb.resize(sizeof(PackedRecord) + 1000);  // the frame is shorter than that
  SessionBuilder builder;
  builder.tier("fast").object(1, {0});
  builder.raw_chunk(static_cast<std::uint32_t>(ChunkKind::kPacked), bomb);
  const Result<Session> read = parse(builder.bytes());
  ASSERT_TRUE(read);
  EXPECT_GT(read->bytes_ignored, bomb.size());
}

TEST(PackedSession, APackedChunkWithinAPackedOneIsRefused) {
  const std::string once = packed_session(long_session(1).bytes(), 1u << 20);
  const Result<Session> read = parse(packed_session(once, 1u << 20));
  ASSERT_FALSE(read);
  EXPECT_NE(std::string(read.error().message).find("holds a chunk that contradicts itself"),
            std::string::npos);
}

}  // namespace
}  // namespace terrace::session::session_packer_test
