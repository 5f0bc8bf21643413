// SPDX-License-Identifier: Apache-2.0
// Pools of device and file blocks while one system call after the other fails: an error or fewer
// blocks, never a lock or a descriptor that nobody owns.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cerrno>

#include "allocators/backing/block_pool.h"
#include "allocators/os/fault_point.h"
#include "tests/fault/process_state.h"
#include "tests/unit/backing/pool_file.h"

namespace terrace::backing::dax_fault_test {
namespace {

using os::inject_fault;
using os::SystemCall;
using testing::HasSubstr;
using testing_support::Folder;
using testing_support::Room;

constexpr int kUntouched = 4242;
constexpr std::uint32_t kBlocks = 8;

class DaxFault : public testing::Test {
 protected:
  DaxFault() { files_ = testing_support::open_files(); }
  ~DaxFault() override {
    for (int call = 0; call < static_cast<int>(SystemCall::kCount); ++call) {
      inject_fault(static_cast<SystemCall>(call), 0, 0);
    }
    pool_.close();
    EXPECT_EQ(testing_support::open_files(), files_);
  }
  Status open(BlockPool& pool, const std::string& path) const {
    return pool.open(path.c_str(), Bytes(kBlocks * kBlockBytes.value), Bytes());
  }
  /// Opening fails at the nth use of a call, and leaves nothing behind.
  Error refusal(const std::string& path, SystemCall call, int nth, int error) {
    const long files = testing_support::open_files();
    const long pages = testing_support::address_space_pages();
    errno = kUntouched;
    inject_fault(call, nth, error);
    const Status opened = open(pool_, path);
    EXPECT_EQ(errno, kUntouched);
    EXPECT_FALSE(opened) << "call " << static_cast<int>(call) << ", use " << nth;
    EXPECT_FALSE(pool_.is_open());
    EXPECT_EQ(testing_support::open_files(), files);
    EXPECT_LE(testing_support::address_space_pages(), pages + 64);
    return opened ? Error{} : opened.error();
  }
  /// How many blocks nobody holds, as another opening of the file finds them.
  static std::uint32_t free_blocks(const std::string& path) {
    BlockPool other;
    EXPECT_TRUE(other.open(path.c_str(), Bytes(), Bytes()));
    std::uint32_t total = 0;
    for (PoolRun run = other.claim(kBlocks); run.count != 0; run = other.claim(kBlocks)) {
      total += run.count;
    }
    other.close();
    return total;
  }
  std::uint64_t stored_blocks() const {
    struct stat status {};
    EXPECT_EQ(fstat(pool_.fd(), &status), 0);
    return static_cast<std::uint64_t>(status.st_blocks) * 512 / kBlockBytes.value;
  }

  Folder folder_;
  const std::string file_ = folder_.file("f", kBlocks);
  BlockPool pool_;
  long files_ = 0;
};

TEST_F(DaxFault, FileThatCannotBeOpenedSaysWhy) {
  EXPECT_EQ(refusal(file_, SystemCall::kStat, 1, EIO).code, ErrorCode::kIo);
  EXPECT_EQ(refusal(file_, SystemCall::kStat, 1, ENOENT).code, ErrorCode::kUsage);
  const Error denied = refusal(file_, SystemCall::kOpen, 1, EPERM);
  EXPECT_EQ(denied.code, ErrorCode::kCapabilityMissing);
  EXPECT_EQ(denied.saved_errno, EPERM);
  EXPECT_THAT(denied.message, HasSubstr("give this user access"));
  const Error lockless = refusal(file_, SystemCall::kFileLock, 1, EINVAL);
  EXPECT_EQ(lockless.code, ErrorCode::kCapabilityMissing);
  EXPECT_THAT(lockless.message, HasSubstr("name a folder instead"));
  EXPECT_EQ(refusal(file_, SystemCall::kMmap, 1, ENOMEM).saved_errno, ENOMEM);
  EXPECT_EQ(free_blocks(file_), kBlocks);
}

TEST_F(DaxFault, FilesystemWithoutWholeLocksServes) {
  inject_fault(SystemCall::kFlock, 1, ENOLCK);
  ASSERT_TRUE(open(pool_, file_));
  EXPECT_EQ(pool_.claim(kBlocks).count, kBlocks);
}

TEST_F(DaxFault, FolderThatCannotServeSaysWhy) {
  const std::string path = folder_.path();
  EXPECT_EQ(refusal(path, SystemCall::kOpen, 1, EROFS).code, ErrorCode::kCapabilityMissing);
  const Error full = refusal(path, SystemCall::kFtruncate, 1, ENOSPC);
  EXPECT_EQ(full.code, ErrorCode::kCapabilityMissing);
  EXPECT_THAT(full.message, HasSubstr("smaller capacity"));
  inject_fault(SystemCall::kOpen, 1, EOPNOTSUPP);
  EXPECT_EQ(refusal(path, SystemCall::kUnlink, 1, EIO).saved_errno, EIO);
  std::filesystem::remove(path + "/.terrace-" + std::to_string(getpid()));
}

TEST_F(DaxFault, FolderWithoutUnnamedFilesServesAllTheSame) {
  for (const int error : {EOPNOTSUPP, EISDIR}) {
    inject_fault(SystemCall::kOpen, 1, error);
    const Status opened = open(pool_, folder_.path());
    ASSERT_TRUE(opened) << opened.error().message;
    const auto here = std::filesystem::directory_iterator(folder_.path());
    EXPECT_EQ(std::distance(begin(here), end(here)), 1) << "only the named file of this test";
    EXPECT_EQ(pool_.claim(kBlocks).count, kBlocks);
    pool_.close();
  }
}

TEST_F(DaxFault, RefusedLockIsNoClaim) {
  ASSERT_TRUE(open(pool_, file_));
  BlockPool other;
  ASSERT_TRUE(open(other, file_));
  ASSERT_EQ(other.claim(1).count, 1u);  // so that asking who holds it can fail as well
  for (const int error : {EIO, EPERM, ENOMEM, ENOLCK}) {
    for (int nth = 1; nth <= 2; ++nth) {
      inject_fault(SystemCall::kFileLock, nth, error, os::Fails::kFromThenOn);
      errno = kUntouched;
      EXPECT_EQ(pool_.claim(2).count, 0u);
      EXPECT_EQ(errno, kUntouched);
      inject_fault(SystemCall::kFileLock, 0, 0);
      EXPECT_EQ(free_blocks(file_), kBlocks - 1);
    }
  }
  const PoolRun run = pool_.claim(kBlocks);
  EXPECT_EQ(run.count, kBlocks - 1) << "nothing was lost";
  other.close();
}

TEST_F(DaxFault, RefusedUnlockKeepsTheBlocksOurs) {
  ASSERT_TRUE(open(pool_, file_));
  ASSERT_EQ(pool_.claim(kBlocks).count, kBlocks);
  inject_fault(SystemCall::kFileLock, 1, ENOLCK);
  pool_.give_back({2, 3});
  EXPECT_EQ(free_blocks(file_), 0u) << "others see them held";
  const PoolRun again = pool_.claim(kBlocks);
  EXPECT_EQ(again.first, 2u);
  EXPECT_EQ(again.count, 3u);
  pool_.give_back(again);
  EXPECT_EQ(free_blocks(file_), 3u);
}

TEST_F(DaxFault, FullFilesystemIsNoClaimAndNoLock) {
  ASSERT_TRUE(open(pool_, file_));
  for (const int error : {ENOSPC, EIO, EPERM}) {
    inject_fault(SystemCall::kFallocate, 1, error, os::Fails::kFromThenOn);
    errno = kUntouched;
    EXPECT_EQ(pool_.claim(5).count, 0u);
    EXPECT_EQ(errno, kUntouched);
    inject_fault(SystemCall::kFallocate, 0, 0);
    EXPECT_EQ(free_blocks(file_), kBlocks);
  }
}

TEST_F(DaxFault, NearlyFullFilesystemGivesWhatItHas) {
  ASSERT_TRUE(open(pool_, file_));
  inject_fault(SystemCall::kFallocate, 1, ENOSPC);
  const PoolRun run = pool_.claim(5);
  EXPECT_EQ(run.first, 0u);
  EXPECT_EQ(run.count, 2u);
  EXPECT_EQ(stored_blocks(), 2u);
  EXPECT_EQ(free_blocks(file_), kBlocks - 2);
}

TEST_F(DaxFault, RefusedStorageOfAnUnnamedFileGoesBack) {
  ASSERT_TRUE(open(pool_, folder_.path()));
  inject_fault(SystemCall::kFallocate, 1, ENOSPC);
  EXPECT_EQ(pool_.claim(4).count, 2u);
  EXPECT_EQ(stored_blocks(), 2u);
  EXPECT_TRUE(pool_.starts_zeroed());
}

TEST_F(DaxFault, InterruptedAllocationGoesOn) {
  ASSERT_TRUE(open(pool_, file_));
  inject_fault(SystemCall::kFallocate, 1, EINTR);
  EXPECT_EQ(pool_.claim(4).count, 4u);
}

TEST_F(DaxFault, FilesystemWithoutFallocateIsWrittenTo) {
  ASSERT_TRUE(open(pool_, file_));
  inject_fault(SystemCall::kFallocate, 1, EOPNOTSUPP, os::Fails::kFromThenOn);
  const PoolRun run = pool_.claim(2);
  EXPECT_EQ(run.count, 2u);
  EXPECT_EQ(stored_blocks(), 2u);
  inject_fault(SystemCall::kWrite, 5, ENOSPC, os::Fails::kFromThenOn);
  EXPECT_EQ(pool_.claim(2).count, 0u);
  inject_fault(SystemCall::kWrite, 0, 0);
  EXPECT_EQ(free_blocks(file_), kBlocks - 2);
}

TEST_F(DaxFault, StorageThatStaysIsNotTakenForZeros) {
  ASSERT_TRUE(open(pool_, folder_.path()));
  const PoolRun run = pool_.claim(2);
  EXPECT_TRUE(pool_.starts_zeroed());
  inject_fault(SystemCall::kFallocate, 1, EOPNOTSUPP);
  pool_.give_back(run);
  EXPECT_FALSE(pool_.starts_zeroed());
  EXPECT_EQ(pool_.claim(kBlocks).count + pool_.claim(kBlocks).count, kBlocks);
}

TEST_F(DaxFault, RefusedMappingIsTheCallersError) {
  ASSERT_TRUE(open(pool_, file_));
  const PoolRun run = pool_.claim(1);
  const Room room(1);
  inject_fault(SystemCall::kMmap, 1, EPERM);
  EXPECT_EQ(pool_.map(room.at(), run), EPERM);
  EXPECT_FALSE(testing_support::readable(room.at()));
  EXPECT_EQ(pool_.map(room.at(), run), 0);
}

/// A device node with /dev/null's number, and what sysfs tells of it.
TEST_F(DaxFault, DeviceThatSysfsDoesNotTellOfIsRefused) {
  const std::string node = folder_.path() + "/dax0.0";
  if (mknod(node.c_str(), S_IFCHR | 0600, makedev(1, 3)) != 0 ||
      access(node.c_str(), R_OK | W_OK) != 0) {
    GTEST_SKIP() << "no device nodes can be made here: " << std::strerror(errno);
  }
  const std::string sysfs = folder_.path() + "/sys";
  const std::string entry = sysfs + "/dev/char/1:3";
  std::filesystem::create_directories(entry);
  std::ofstream(entry + "/size") << "16777216\n";
  std::filesystem::create_symlink("../bus/dax", entry + "/subsystem");
  const auto open_device = [&] {
    return pool_.open(node.c_str(), Bytes(), Bytes(), sysfs.c_str());
  };
  inject_fault(SystemCall::kReadlink, 1, EACCES);
  EXPECT_FALSE(open_device());
  inject_fault(SystemCall::kRead, 1, EIO);  // its size; without its unit it can be used
  EXPECT_FALSE(open_device());
  inject_fault(SystemCall::kOpen, 3, EBUSY);  // size, unit, then the device
  const Status busy = open_device();
  ASSERT_FALSE(busy);
  EXPECT_EQ(busy.error().saved_errno, EBUSY);
  EXPECT_TRUE(open_device());
}

}  // namespace
}  // namespace terrace::backing::dax_fault_test
