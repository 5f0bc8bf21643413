// SPDX-License-Identifier: Apache-2.0
// DAX on a real kernel: what the device says of itself, mapping, content, streaming copy, and what
// recording and fork ask of such mappings.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "allocators/backing/dax_map.h"
#include "allocators/os/mapping.h"
#include "allocators/os/page_presence.h"
#include "tests/lab/dax_place.h"
#include "tests/unit/backing/pool_file.h"

namespace terrace::backing {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing_support::DaxPlace;
using testing_support::Folder;
using testing_support::Room;

constexpr std::uint64_t kBlock = kBlockBytes.value;
constexpr std::size_t kPage = 4096;

std::uint64_t device_attribute(const char* name) {
  std::uint64_t value = 0;
  std::ifstream(std::string("/sys/bus/dax/devices/dax0.0/") + name) >> value;
  return value;
}

std::vector<char> counted(std::size_t size) {
  std::vector<char> bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * 7 + i / 256);
  return bytes;
}

TEST_F(DaxPlace, TellsItsFacts) {
  const auto facts = examine_dax(path_);
  ASSERT_TRUE(facts) << facts.error().message;
  EXPECT_EQ(facts->granularity, Granularity::kCacheLine);
  EXPECT_EQ(granularity_warning(*facts), "");
  EXPECT_EQ(facts->is_device, is_device_);
  if (is_device_) {
    EXPECT_EQ(facts->size, Bytes(device_attribute("size")));
    EXPECT_EQ(facts->alignment, Bytes(device_attribute("align")));
    EXPECT_EQ(facts->alignment, kBlockBytes);
  } else {
    EXPECT_EQ(facts->alignment, KiB(4));
    const auto folder = examine_dax(testing_support::kDaxMount);
    ASSERT_TRUE(folder) << folder.error().message;
    EXPECT_EQ(folder->granularity, Granularity::kCacheLine);
  }
}

TEST_F(DaxPlace, OrdinaryFileIsWarnedOf) {
  const Folder folder;
  const auto facts = examine_dax(folder.file("f", 1));
  ASSERT_TRUE(facts) << facts.error().message;
  EXPECT_EQ(facts->granularity, Granularity::kPage);
  EXPECT_THAT(granularity_warning(*facts), HasSubstr("page cache"));
}

TEST_F(DaxPlace, ClaimedBlocksAreMappedWrittenAndReadBack) {
  open(pool_);
  ASSERT_EQ(pool_.claim(1).count, 1u);
  const PoolRun run = pool_.claim(2);
  ASSERT_EQ(run.count, 2u);
  const std::vector<char> sent = counted(3 * kPage);
  {
    const Room room(2);
    ASSERT_EQ(pool_.map(room.at(), run), 0);
    std::memcpy(room.at() + kBlock - kPage, sent.data(), sent.size());  // over the seam
    const Room other(2);
    ASSERT_EQ(pool_.map(other.at(), run), 0);
    EXPECT_EQ(std::memcmp(other.at() + kBlock - kPage, sent.data(), sent.size()), 0);
  }
  const Room again(2);
  ASSERT_EQ(pool_.map(again.at(), run), 0);
  EXPECT_EQ(std::memcmp(again.at() + kBlock - kPage, sent.data(), sent.size()), 0);
  BlockPool::clear(again.at(), {run.first, 1});
  EXPECT_EQ(again.at()[0], 0);
  const std::vector<char> last_page(again.at() + kBlock - kPage, again.at() + kBlock);
  EXPECT_THAT(last_page, Each(0));
  EXPECT_EQ(std::memcmp(again.at() + kBlock, sent.data() + kPage, 2 * kPage), 0);
}

TEST_F(DaxPlace, DeviceAsksForAlignmentAndForSharing) {
  open(pool_);
  const PoolRun run = pool_.claim(1);
  const Room room(2);
  const int off_the_unit = pool_.map(room.at() + kPage, run);
  EXPECT_EQ(off_the_unit, is_device_ ? EINVAL : 0);
  const int to_itself =
      os::map_private_file(room.at(), kBlockBytes, pool_.fd(), BlockPool::offset_of(run.first));
  EXPECT_EQ(to_itself, is_device_ ? EINVAL : 0);
  EXPECT_EQ(pool_.maps_private(), to_itself == 0);
}

TEST_F(DaxPlace, StreamsInAndOut) {
  const auto map = DaxMap::open(path_, kBlock, kBlockBytes);
  ASSERT_TRUE(map) << map.error().message;
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>((*map)->data()) % (*map)->facts().alignment.value, 0u);
  const std::vector<char> sent = counted(40 * kPage + 24);
  (*map)->stream((*map)->data() + 8, sent.data(), Bytes(sent.size()));
  std::vector<char> back(sent.size());
  (*map)->stream(back.data(), (*map)->data() + 8, Bytes(back.size()));
  EXPECT_EQ(back, sent);
  open(pool_);
  ASSERT_EQ(pool_.claim(2).count, 2u);
  const Room room(1);
  ASSERT_EQ(pool_.map(room.at(), {1, 1}), 0);
  EXPECT_EQ(std::memcmp(room.at() + 8, sent.data(), sent.size()), 0) << "the same memory";
}

/// Recording drops page-table entries and asks later which are back.
TEST_F(DaxPlace, DroppedEntriesComeBackWithTouchesOnly) {
  open(pool_);
  const PoolRun run = pool_.claim(3);
  ASSERT_EQ(run.count, 3u);
  const Room room(3);
  ASSERT_EQ(pool_.map(room.at(), run), 0);
  for (std::uint64_t block = 0; block < 3; ++block)
    room.at()[block * kBlock] = static_cast<char>(block + 1);
  auto presence = os::PagePresence::open();
  ASSERT_TRUE(presence) << presence.error().message;
  const auto touched = [&] {
    std::vector<std::uint32_t> counts(3);
    EXPECT_EQ(presence->count_present(room.at(), 3, counts.data()), 0);
    return counts;
  };
  EXPECT_THAT(touched(), ElementsAre(1, 1, 1));
  ASSERT_EQ(os::drop_pages(room.at(), Bytes(3 * kBlock)), 0);
  EXPECT_THAT(touched(), ElementsAre(0, 0, 0));
  EXPECT_EQ(static_cast<volatile char*>(room.at())[kBlock], 2) << "the content stays";
  EXPECT_THAT(touched(), ElementsAre(0, 1, 0));
  ASSERT_EQ(os::drop_pages(room.at() + kBlock, kBlockBytes), 0);
  EXPECT_THAT(touched(), ElementsAre(0, 0, 0));
  ASSERT_EQ(os::populate_read(room.at() + 2 * kBlock, kBlockBytes), 0);
  EXPECT_THAT(touched(), ElementsAre(0, 0, 1));
}

/// The same by /proc/self/pagemap's entries, which kernels before 6.7 have only.
TEST_F(DaxPlace, PagemapEntriesTellOfPresence) {
  open(pool_);
  const Room room(1);
  ASSERT_EQ(pool_.map(room.at(), pool_.claim(1)), 0);
  const int pagemap = ::open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
  ASSERT_GE(pagemap, 0);
  const auto present = [&] {
    std::uint64_t entry = 0;
    const auto at = static_cast<off_t>(reinterpret_cast<std::uintptr_t>(room.at()) / kPage * 8);
    EXPECT_EQ(pread(pagemap, &entry, sizeof entry, at), 8);
    return entry >> 63;
  };
  EXPECT_EQ(present(), 0u);
  room.at()[0] = 1;
  EXPECT_EQ(present(), 1u);
  ASSERT_EQ(os::drop_pages(room.at(), kBlockBytes), 0);
  EXPECT_EQ(present(), 0u);
  close(pagemap);
}

}  // namespace
}  // namespace terrace::backing
