// SPDX-License-Identifier: Apache-2.0
// Every system call of reading a file into memory fails at each of its uses: the content is right
// or there is an error, and no descriptor, mapping or thread is left.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <vector>

#include "allocators/extent/file_fill.h"
#include "allocators/os/fault_point.h"
#include "allocators/os/file_reader.h"
#include "tests/fault/process_state.h"

namespace terrace::extent::file_fill_fault_test {
namespace {

using os::SystemCall;
enum class Cache { kWarm, kCold, kMixed };
constexpr std::size_t kBytes = 9 * (1u << 20) + 77;

class FileFillFault : public testing::TestWithParam<SystemCall> {
 protected:
  void SetUp() override {
    char name[] = "/var/tmp/terrace-fill-XXXXXX";
    const int fd = mkstemp(name);
    ASSERT_GE(fd, 0);
    content_.resize(kBytes);
    for (std::size_t i = 0; i < kBytes; ++i) content_[i] = static_cast<char>(i * 31 + (i >> 12));
    ASSERT_EQ(write(fd, content_.data(), kBytes), static_cast<ssize_t>(kBytes));
    ASSERT_EQ(fsync(fd), 0);
    close(fd);
    fd_ = open(name, O_RDONLY | O_CLOEXEC);
    ASSERT_EQ(unlink(name), 0);
    memory_ = static_cast<char*>(
        mmap(nullptr, kRoom, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    os::count_injected_faults_in(failed_);
  }
  void TearDown() override {
    os::inject_fault(GetParam(), 0, 0);
    munmap(memory_, kRoom);
    close(fd_);
  }
  FillOutcome fill_once() {
    std::memset(memory_, 0x5a, kRoom);
    FileFill fill;
    fill.fd = fd_;
    fill.size = Bytes(kBytes);
    fill.to = memory_;
    fill.threads = 2;
    return fill_from_file(fill);
  }
  bool right() const {
    return std::memcmp(memory_, content_.data(), kBytes) == 0 && memory_[kBytes] == 0;
  }
  void prepare(Cache cache) {
    ASSERT_EQ(posix_fadvise(fd_, 0, 0, POSIX_FADV_DONTNEED), 0);
    ASSERT_EQ(posix_fadvise(fd_, 0, 0, POSIX_FADV_RANDOM), 0);
    const std::size_t warm = cache == Cache::kWarm ? kBytes : cache == Cache::kMixed ? 1 << 20 : 0;
    ASSERT_EQ(pread(fd_, memory_, warm, 0), static_cast<ssize_t>(warm));
  }
  void fail_use(int nth, int error, os::Fails fails, Cache cache) {
    prepare(cache);
    const long files = testing_support::open_files();
    const long pages = testing_support::address_space_pages();
    errno = 4242;
    os::inject_fault(GetParam(), nth, error, fails);
    const FillOutcome outcome = fill_once();
    os::inject_fault(GetParam(), 0, 0);
    EXPECT_EQ(errno, 4242);
    EXPECT_TRUE(outcome.error == 0 ? right() : outcome.error == error) << "use " << nth;
    EXPECT_EQ(testing_support::open_files(), files);
    EXPECT_EQ(testing_support::threads_left(threads_), threads_);
    // libc keeps the stacks of threads that ended. An unmapping that fails leaves its mapping.
    if (GetParam() != SystemCall::kMunmap) {
      EXPECT_LE(testing_support::address_space_pages(), pages + 4 * 128);
    }
  }

  static constexpr std::size_t kRoom = kBytes + 8192;
  std::vector<char> content_;
  int fd_ = -1;
  char* memory_ = nullptr;
  std::atomic<int> failed_{0};
  long threads_ = testing_support::threads_at_rest();
};

TEST_P(FileFillFault, ContentIsRightOrThereIsAnError) {
  fill_once();  // libc's first threads
  for (const int error : {EINVAL, ENOMEM, EIO}) {
    for (const os::Fails fails : {os::Fails::kOnce, os::Fails::kFromThenOn}) {
      for (const Cache cache : {Cache::kCold, Cache::kWarm, Cache::kMixed}) {
        for (int nth = 1; nth < 40; ++nth) {
          const int before = failed_.load();
          fail_use(nth, error, fails, cache);
          if (HasFailure() || failed_.load() == before) break;
        }
      }
    }
  }
  EXPECT_GT(failed_.load(), 0) << "this call is not made";
}

/// What the fill needs no more than help from never fails it.
TEST_P(FileFillFault, OnlyReadsAreNeeded) {
  if (GetParam() == SystemCall::kRead) return;
  os::inject_fault(GetParam(), 1, EPERM, os::Fails::kFromThenOn);
  EXPECT_EQ(fill_once().error, 0);
  EXPECT_TRUE(right());
}

INSTANTIATE_TEST_SUITE_P(Call, FileFillFault,
                         testing::Values(SystemCall::kOpen, SystemCall::kFcntl, SystemCall::kMmap,
                                         SystemCall::kMunmap, SystemCall::kCachestat,
                                         SystemCall::kMincore, SystemCall::kFadvise,
                                         SystemCall::kRead, SystemCall::kThreadCreate));

TEST(StampFault, UnknownStampIsNone) {
  os::inject_fault(SystemCall::kStat, 1, EIO);
  EXPECT_FALSE(os::stamp_before_reading(0));
  os::inject_fault(SystemCall::kStat, 0, 0);
}

}  // namespace
}  // namespace terrace::extent::file_fill_fault_test
