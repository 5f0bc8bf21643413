// SPDX-License-Identifier: Apache-2.0
// libpmem2's half, on ordinary files: real devices are tests/lab's affair.
#include "allocators/backing/dax_map.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <random>
#include <vector>

#include "tests/fault/process_state.h"
#include "tests/unit/backing/pool_file.h"

namespace terrace::backing {
namespace {

using testing::HasSubstr;
using testing_support::Folder;

constexpr std::uint64_t kBlock = kBlockBytes.value;

std::vector<char> noise(std::size_t size) {
  std::mt19937_64 random(size);
  std::vector<char> bytes(size);
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

TEST(ExamineDax, OrdinaryFileIsOfPageGranularityAndWarnedOf) {
  const Folder folder;
  const std::string path = folder.file("f", 3, 100);
  const auto facts = examine_dax(path);
  ASSERT_TRUE(facts) << facts.error().message;
  EXPECT_EQ(facts->path, path);
  EXPECT_EQ(facts->size, Bytes(3 * kBlock + 100));
  EXPECT_EQ(facts->alignment, KiB(4));
  EXPECT_EQ(facts->granularity, Granularity::kPage);
  EXPECT_FALSE(facts->is_device);
  const std::string warning = granularity_warning(*facts);
  EXPECT_THAT(warning, HasSubstr(path));
  EXPECT_THAT(warning, HasSubstr("page cache"));
  EXPECT_THAT(warning, HasSubstr("devdax"));
}

TEST(ExamineDax, FilesBelowABlockAndFoldersServe) {
  const Folder folder;
  const auto small = examine_dax(folder.file("small", 0, 12345));
  ASSERT_TRUE(small) << small.error().message;
  EXPECT_EQ(small->size, Bytes(12345));
  const auto place = examine_dax(folder.path());
  ASSERT_TRUE(place) << place.error().message;
  EXPECT_EQ(place->granularity, Granularity::kPage);
  EXPECT_GT(place->size, Bytes());
  EXPECT_FALSE(place->is_device);
}

TEST(ExamineDax, NothingIsLeftOpen) {
  const Folder folder;
  const std::string path = folder.file("f", 1);
  ASSERT_TRUE(examine_dax(path));  // libpmem2 opens what it keeps
  const long files = testing_support::open_files();
  const long pages = testing_support::address_space_pages();
  ASSERT_TRUE(examine_dax(path));
  EXPECT_EQ(testing_support::open_files(), files);
  EXPECT_LE(testing_support::address_space_pages(), pages + 64);
}

TEST(ExamineDax, RefusalsNameTheRemedy) {
  const Folder folder;
  for (const std::uint64_t bytes : {0u, 4095u}) {
    const auto small = examine_dax(folder.file("small", 0, bytes));
    ASSERT_FALSE(small);
    EXPECT_EQ(small.error().code, ErrorCode::kUsage);
    EXPECT_THAT(small.error().message, HasSubstr("truncate -s"));
  }
  const auto missing = examine_dax(folder.path() + "/none");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::kUsage);
  const auto no_device = examine_dax("/dev/zero");
  ASSERT_FALSE(no_device);
  EXPECT_EQ(no_device.error().code, ErrorCode::kUsage);
  EXPECT_THAT(no_device.error().message, HasSubstr("daxctl list"));
}

TEST(GranularityWarning, IsForThePageCacheOnly) {
  DaxFacts facts;
  facts.granularity = Granularity::kCacheLine;
  EXPECT_EQ(granularity_warning(facts), "");
  facts.granularity = Granularity::kByte;
  EXPECT_EQ(granularity_warning(facts), "");
}

TEST(DaxMap, MapsARangeOfTheFileShared) {
  const Folder folder;
  const std::string path = folder.file("f", 3);
  const auto map = DaxMap::open(path, kBlock, Bytes(kBlock + 4096));
  ASSERT_TRUE(map) << map.error().message;
  EXPECT_EQ((*map)->size(), Bytes(kBlock + 4096));
  EXPECT_EQ((*map)->facts().size, Bytes(3 * kBlock));
  std::memcpy((*map)->data() + 10, "terrace", 7);
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  char text[8] = {};
  EXPECT_EQ(pread(fd, text, 7, static_cast<off_t>(kBlock + 10)), 7);
  EXPECT_STREQ(text, "terrace");
  close(fd);
}

TEST(DaxMap, RangesOutsideOrOffTheUnitAreRefused) {
  const Folder folder;
  const std::string path = folder.file("f", 2, 100);
  const struct {
    std::uint64_t offset;
    std::uint64_t size;
  } bad[] = {{0, 3 * kBlock}, {0, 2 * kBlock + 100},  {100, 4096}, {0, 100}, {0, 0},
             {4 * kBlock, 4}, {~std::uint64_t{0}, 2}, {4096, ~0ul}};
  for (const auto& range : bad) {
    const auto map = DaxMap::open(path, range.offset, Bytes(range.size));
    ASSERT_FALSE(map) << range.offset << " " << range.size;
    EXPECT_EQ(map.error().code, ErrorCode::kUsage);
  }
  EXPECT_TRUE(DaxMap::open(path, 0, kBlockBytes));
}

TEST(DaxMap, StreamsInAndOut) {
  const Folder folder;
  const auto map = DaxMap::open(folder.file("f", 1), 0, kBlockBytes);
  ASSERT_TRUE(map) << map.error().message;
  const std::vector<char> sent = noise(kBlock);
  (*map)->stream((*map)->data(), sent.data(), kBlockBytes);
  EXPECT_EQ(std::memcmp((*map)->data(), sent.data(), kBlock), 0);
  std::vector<char> back(kBlock);
  (*map)->stream(back.data(), (*map)->data(), kBlockBytes);
  EXPECT_EQ(back, sent);
}

TEST(StreamingCopy, IsMemcpyAtEverySizeAndMisfit) {
  const StreamCopy copy = streaming_copy();
  const std::vector<char> sent = noise(70000);
  for (const std::size_t size : {0u, 1u, 63u, 64u, 65u, 255u, 4096u, 4097u, 65536u + 13u}) {
    for (const std::size_t misfit : {0u, 1u, 8u, 33u}) {
      std::vector<char> got(size + 256, 'x');
      copy(got.data() + 64 + misfit, sent.data() + misfit, size);
      std::vector<char> want(size + 256, 'x');
      std::memcpy(want.data() + 64 + misfit, sent.data() + misfit, size);
      ASSERT_EQ(got, want) << size << " bytes, misfit " << misfit;
    }
  }
}

}  // namespace
}  // namespace terrace::backing
