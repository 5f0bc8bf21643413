// SPDX-License-Identifier: Apache-2.0
// One process: what a pool takes, gives, maps and refuses.
#include "allocators/backing/block_pool.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>

#include "tests/child_process.h"
#include "tests/fault/process_state.h"
#include "tests/unit/backing/pool_file.h"

namespace terrace::backing::block_pool_test {
namespace {

using testing::HasSubstr;
using testing_support::Folder;
using testing_support::Room;

constexpr std::uint64_t kBlock = kBlockBytes.value;

class Pool : public testing::Test {
 protected:
  static void open(BlockPool& pool, const std::string& path, Bytes capacity = Bytes()) {
    const Status opened = pool.open(path.c_str(), capacity, Bytes());
    ASSERT_TRUE(opened) << opened.error().message;
  }
  static Error refusal(const std::string& path, Bytes capacity, Bytes unit) {
    const long files = testing_support::open_files();
    BlockPool pool;
    const Status opened = pool.open(path.c_str(), capacity, unit);
    EXPECT_FALSE(opened);
    EXPECT_FALSE(pool.is_open());
    EXPECT_EQ(testing_support::open_files(), files);
    return opened ? Error{} : opened.error();
  }
  static std::uint64_t stored_bytes(int fd) {
    struct stat status {};
    EXPECT_EQ(fstat(fd, &status), 0);
    return static_cast<std::uint64_t>(status.st_blocks) * 512;
  }

  Folder folder_;
  BlockPool pool_;
  BlockPool other_;
  void TearDown() override {
    pool_.close();
    other_.close();
  }
};

void expect_run(PoolRun run, std::uint32_t first, std::uint32_t count) {
  EXPECT_EQ(run.first, first);
  EXPECT_EQ(run.count, count);
}

TEST_F(Pool, ClaimsAdjacentBlocksUntilNoneIsLeft) {
  open(pool_, folder_.file("f", 5, 4096));
  EXPECT_EQ(pool_.block_count(), 5u) << "the last 4 KiB are no block";
  expect_run(pool_.claim(2), 0, 2);
  expect_run(pool_.claim(9), 2, 3);
  EXPECT_EQ(pool_.claim(1).count, 0u);
  EXPECT_EQ(pool_.claim(0).count, 0u);
}

TEST_F(Pool, GivenBackBlocksAreClaimedAgain) {
  open(pool_, folder_.file("f", 4));
  expect_run(pool_.claim(4), 0, 4);
  pool_.give_back({1, 2});
  expect_run(pool_.claim(4), 1, 2);
  EXPECT_EQ(pool_.claim(1).count, 0u);
  pool_.give_back({});
  EXPECT_EQ(pool_.claim(1).count, 0u);
}

TEST_F(Pool, SearchGoesOnBehindTheLastClaim) {
  open(pool_, folder_.file("f", 4));
  expect_run(pool_.claim(2), 0, 2);
  pool_.give_back({0, 1});
  expect_run(pool_.claim(1), 2, 1);
  expect_run(pool_.claim(1), 3, 1);
  expect_run(pool_.claim(1), 0, 1);
}

TEST_F(Pool, ClosingLeavesNothingBehind) {
  const std::string path = folder_.file("f", 100);
  const long files = testing_support::open_files();
  const long pages = testing_support::address_space_pages();
  for (int round = 0; round < 1000; ++round) {
    open(pool_, path);
    EXPECT_EQ(pool_.claim(100).count, 100u);
    pool_.close();
    pool_.close();
  }
  EXPECT_EQ(testing_support::open_files(), files);
  EXPECT_LE(testing_support::address_space_pages(), pages + 64);
}

TEST_F(Pool, FragmentsGiveShorterRuns) {
  open(pool_, folder_.file("f", 200));
  expect_run(pool_.claim(200), 0, 200);
  for (const std::uint32_t free : {3u, 64u, 127u, 130u, 131u}) pool_.give_back({free, 1});
  expect_run(pool_.claim(3), 3, 1);
  expect_run(pool_.claim(3), 64, 1);
  expect_run(pool_.claim(3), 127, 1);
  expect_run(pool_.claim(3), 130, 2);
  EXPECT_EQ(pool_.claim(3).count, 0u);
}

TEST_F(Pool, LoneFreeBlockIsFoundWhereverItLies) {
  open(pool_, folder_.file("f", 200));
  expect_run(pool_.claim(200), 0, 200);
  for (std::uint32_t free = 0; free < 200; ++free) {
    pool_.give_back({free, 1});
    expect_run(pool_.claim(2), free, 1);
    if (free > 63) {  // and from the start, over whole words
      pool_.give_back({199, 1});
      expect_run(pool_.claim(2), 199, 1);
      pool_.give_back({free, 1});
      expect_run(pool_.claim(2), free, 1);
    }
  }
}

TEST_F(Pool, TwoPoolsOfOneProcessNeverOverlap) {
  const std::string path = folder_.file("f", 8);
  open(pool_, path);
  open(other_, path);
  expect_run(pool_.claim(3), 0, 3);
  expect_run(other_.claim(2), 3, 2);
  expect_run(pool_.claim(1), 5, 1);
  expect_run(other_.claim(8), 6, 2);
  pool_.give_back({0, 1});
  pool_.give_back({2, 1});
  expect_run(other_.claim(8), 0, 1);
  expect_run(other_.claim(8), 2, 1);
  EXPECT_EQ(other_.claim(8).count, 0u);
  EXPECT_EQ(pool_.claim(8).count, 0u);
}

TEST_F(Pool, ClosedPoolsBlocksAreOthersButMappedOnesStay) {
  const std::string path = folder_.file("f", 4);
  open(pool_, path);
  open(other_, path);
  const PoolRun run = pool_.claim(2);
  {
    const Room room(2);
    ASSERT_EQ(pool_.map(room.at(), run), 0);
    pool_.close();
    expect_run(other_.claim(4), 2, 2);
  }
  expect_run(other_.claim(4), 0, 2);
}

TEST_F(Pool, CapacityIsALimitBelowTheSize) {
  const std::string path = folder_.file("f", 8);
  open(pool_, path, Bytes(3 * kBlock + 17));
  open(other_, path, Bytes(100 * kBlock));
  EXPECT_EQ(pool_.block_count(), 3u);
  EXPECT_EQ(other_.block_count(), 8u);
  expect_run(pool_.claim(8), 0, 3);
  EXPECT_EQ(pool_.claim(1).count, 0u);
  expect_run(other_.claim(8), 3, 5);
}

TEST_F(Pool, MapsItsOwnBlocksShared) {
  open(pool_, folder_.file("f", 4));
  ASSERT_EQ(pool_.claim(1).count, 1u);
  const PoolRun run = pool_.claim(2);
  const Room room(2);
  const Room second(2);
  ASSERT_EQ(pool_.map(room.at(), run), 0);
  ASSERT_EQ(pool_.map(second.at(), run), 0);
  std::memset(room.at(), 0x5a, 2 * kBlock);
  EXPECT_EQ(std::memcmp(room.at(), second.at(), 2 * kBlock), 0);
  char byte = 0;
  ASSERT_EQ(pread(pool_.fd(), &byte, 1, static_cast<off_t>(BlockPool::offset_of(run.first))), 1);
  EXPECT_EQ(byte, 0x5a);
  ASSERT_EQ(pread(pool_.fd(), &byte, 1, static_cast<off_t>(BlockPool::offset_of(run.first)) - 1),
            1);
  EXPECT_EQ(byte, 0) << "the block before is not ours";
  BlockPool::clear(room.at(), run);
  EXPECT_EQ(second.at()[0], 0);
  EXPECT_EQ(std::memcmp(second.at(), second.at() + 1, 2 * kBlock - 1), 0);
}

TEST_F(Pool, FilesGetTheirStorageAtTheClaim) {
  open(pool_, folder_.file("f", 4));
  EXPECT_TRUE(pool_.maps_private());
  EXPECT_FALSE(pool_.starts_zeroed()) << "a named file holds what it held";
  EXPECT_EQ(stored_bytes(pool_.fd()), 0u);
  const PoolRun run = pool_.claim(2);
  EXPECT_GE(stored_bytes(pool_.fd()), 2 * kBlock);
  pool_.give_back(run);
  EXPECT_GE(stored_bytes(pool_.fd()), 2 * kBlock) << "a named file keeps its storage";
}

TEST_F(Pool, FolderGivesAFileOfItsOwnThatReadsZero) {
  open(pool_, folder_.path(), Bytes(4 * kBlock));
  open(other_, folder_.path(), Bytes(4 * kBlock));
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path())) << "the files have no names";
  expect_run(pool_.claim(4), 0, 4);
  expect_run(other_.claim(4), 0, 4);
  EXPECT_EQ(pool_.claim(1).count, 0u);
  const Room room(4);
  ASSERT_EQ(pool_.map(room.at(), {0, 4}), 0);
  std::memset(room.at(), 1, 4 * kBlock);
  EXPECT_TRUE(pool_.starts_zeroed());
  pool_.give_back({1, 2});
  EXPECT_LT(stored_bytes(pool_.fd()), 3 * kBlock) << "the storage went back";
  expect_run(pool_.claim(4), 1, 2);
  EXPECT_EQ(room.at()[kBlock], 0);
  EXPECT_EQ(std::memcmp(room.at() + kBlock, room.at() + kBlock + 1, 2 * kBlock - 1), 0);
  EXPECT_EQ(room.at()[3 * kBlock], 1);
}

TEST_F(Pool, ForksChildLeavesTheParentsClaims) {
  const std::string path = folder_.file("f", 4);
  open(pool_, path);
  const PoolRun run = pool_.claim(2);
  const int status = testing_support::status_of_child([&] {
    pool_.abandon_in_child();
    BlockPool own;
    const bool works = !pool_.is_open() && own.open(path.c_str(), Bytes(), Bytes()) &&
                       own.claim(4).first == 2 && own.claim(1).count == 0;
    return works ? 0 : 1;
  });
  EXPECT_EQ(status, 0);
  open(other_, path);
  expect_run(other_.claim(4), 2, 2);
  EXPECT_TRUE(pool_.is_open());
  pool_.give_back(run);
  expect_run(other_.claim(4), 0, 2);
}

TEST_F(Pool, DescriptorIsHighAndNotInherited) {
  open(pool_, folder_.file("f", 1));
  EXPECT_GE(pool_.fd(), 256) << "programs use and close the low numbers";
  EXPECT_EQ(fcntl(pool_.fd(), F_GETFD), FD_CLOEXEC);
}

TEST_F(Pool, RefusalsNameTheRemedy) {
  const Error missing = refusal(folder_.path() + "/none", MiB(8), Bytes());
  EXPECT_EQ(missing.code, ErrorCode::kUsage);
  EXPECT_THAT(missing.message, HasSubstr("truncate -s"));
  const Error small = refusal(folder_.file("small", 0, 4096), Bytes(), Bytes());
  EXPECT_EQ(small.code, ErrorCode::kUsage);
  EXPECT_THAT(small.message, HasSubstr("4096 bytes"));
  const Error no_capacity = refusal(folder_.path(), Bytes(), Bytes());
  EXPECT_EQ(no_capacity.code, ErrorCode::kUsage);
  EXPECT_THAT(no_capacity.message, HasSubstr("capacity"));
  const Error large_unit = refusal(folder_.file("f", 4), Bytes(), GiB(1));
  EXPECT_EQ(large_unit.code, ErrorCode::kUsage);
  EXPECT_THAT(large_unit.message, HasSubstr("--align=2M"));
  const Error no_device = refusal("/dev/null", Bytes(), Bytes());
  EXPECT_EQ(no_device.code, ErrorCode::kUsage);
  EXPECT_THAT(no_device.message, HasSubstr("daxctl list"));
}

TEST_F(Pool, AnotherProgramsFileIsLeftAlone) {
  const std::string path = folder_.file("f", 4);
  const int theirs = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  ASSERT_EQ(flock(theirs, LOCK_EX | LOCK_NB), 0);
  const Error refused = refusal(path, Bytes(), Bytes());
  EXPECT_EQ(refused.code, ErrorCode::kUsage);
  EXPECT_THAT(refused.message, HasSubstr("another program"));
  ASSERT_EQ(flock(theirs, LOCK_UN), 0);
  open(pool_, path);
  open(other_, path);
  EXPECT_EQ(flock(theirs, LOCK_EX | LOCK_NB), -1) << "nor do they get ours";
  EXPECT_EQ(errno, EWOULDBLOCK);
  ::close(theirs);
}

/// A device of sysfs's telling: a node of our own with /dev/null's number, since locks belong to
/// the node, and the attributes of a devdax device.
class FakeSysfs : public Pool {
 protected:
  void SetUp() override {
    if (mknod(node_.c_str(), S_IFCHR | 0600, makedev(1, 3)) != 0 ||
        access(node_.c_str(), R_OK | W_OK) != 0) {
      GTEST_SKIP() << "no device nodes can be made here: " << std::strerror(errno);
    }
  }
  void tell(const char* size, const char* align, const char* subsystem) {
    const std::string folder = folder_.path() + "/sys/dev/char/1:3";
    std::filesystem::create_directories(folder);
    std::ofstream(folder + "/size") << size << "\n";
    if (align != nullptr) std::ofstream(folder + "/align") << align << "\n";
    std::filesystem::create_symlink(std::string("../../../../bus/") + subsystem,
                                    folder + "/subsystem");
  }
  Status open_null(BlockPool& pool) const {
    return pool.open(node_.c_str(), Bytes(), Bytes(), (folder_.path() + "/sys").c_str());
  }

  std::string node_ = folder_.path() + "/dax0.0";
};

TEST_F(FakeSysfs, DeviceIsSharedByLocksOnItsNode) {
  tell("12582912", "2097152", "dax");
  ASSERT_TRUE(open_null(pool_));
  ASSERT_TRUE(open_null(other_));
  EXPECT_EQ(pool_.block_count(), 6u);
  EXPECT_FALSE(pool_.maps_private());
  expect_run(pool_.claim(2), 0, 2);
  expect_run(other_.claim(3), 2, 3);
  expect_run(pool_.claim(3), 5, 1);
  pool_.give_back({0, 2});
  expect_run(other_.claim(3), 0, 2);
}

TEST_F(FakeSysfs, DeviceOfSmallPagesServes) {
  tell("12582912", "4096", "dax");
  EXPECT_TRUE(open_null(pool_));
}

TEST_F(FakeSysfs, DeviceWithoutAlignServes) {
  tell("12582912", nullptr, "dax");
  EXPECT_TRUE(open_null(pool_));
}

TEST_F(FakeSysfs, DeviceOfGiantPagesIsRefused) {
  tell("4294967296", "1073741824", "dax");
  const Status opened = open_null(pool_);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::kUsage);
  EXPECT_THAT(opened.error().message, HasSubstr("1073741824"));
  EXPECT_THAT(opened.error().message, HasSubstr("--align=2M"));
}

TEST_F(FakeSysfs, OtherDevicesWithASizeAreRefused) {
  tell("12582912", "2097152", "mtd");
  EXPECT_FALSE(open_null(pool_));
}

}  // namespace
}  // namespace terrace::backing::block_pool_test
