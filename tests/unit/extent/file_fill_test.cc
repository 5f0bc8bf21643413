// SPDX-License-Identifier: Apache-2.0
// Reading a file into memory: the content, the way it comes, and what stays in the page cache.
#include "allocators/extent/file_fill.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "allocators/os/file_reader.h"
#include "tests/child_process.h"
#include "tests/fault/process_state.h"

namespace terrace::extent::file_fill_test {
namespace {

constexpr std::size_t kPage = 4096;
constexpr std::size_t kBytes = 24 * (1u << 20) + 1234;

class FileFillTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/var/tmp/terrace-fill-XXXXXX";  // on storage where /tmp is memory
    const int fd = mkstemp(name);
    ASSERT_GE(fd, 0);
    path_ = name;
    std::mt19937_64 random(42);
    words_.resize(kBytes / 8 + 1);
    for (std::uint64_t& word : words_) word = random();
    ASSERT_EQ(write(fd, words_.data(), kBytes), static_cast<ssize_t>(kBytes));
    ASSERT_EQ(fsync(fd), 0);
    close(fd);
    ASSERT_EQ(chmod(name, 0644), 0);
    fd_ = open(name, O_RDONLY | O_CLOEXEC);
    ASSERT_GE(fd_, 0);
    memory_ = static_cast<char*>(
        mmap(nullptr, kRoom, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    ASSERT_NE(memory_, MAP_FAILED);
    std::memset(memory_, 0x5a, kRoom);
    // The files and threads of the process before, to be compared at the end.
    files_ = testing_support::open_files();
  }
  void TearDown() override {
    EXPECT_EQ(testing_support::open_files(), files_);
    EXPECT_EQ(testing_support::threads_left(threads_), threads_);
    munmap(memory_, kRoom);
    close(fd_);
    unlink(path_.c_str());
  }

  void make_cold() {
    ASSERT_EQ(posix_fadvise(fd_, 0, 0, POSIX_FADV_DONTNEED), 0);
    if (cached_pages() != 0) GTEST_SKIP() << "a file system whose page cache can be emptied";
  }
  std::size_t cached_pages() const {
    void* view = mmap(nullptr, kBytes, PROT_READ, MAP_SHARED, fd_, 0);
    std::vector<unsigned char> there((kBytes + kPage - 1) / kPage);
    const bool known = mincore(view, kBytes, there.data()) == 0;
    munmap(view, kBytes);
    std::size_t count = 0;
    for (const unsigned char page : there) count += page & 1;
    return known ? count : 0;
  }
  static FillOutcome run(const FileFill& fill) {
    errno = 4242;
    const FillOutcome outcome = fill_from_file(fill);
    EXPECT_EQ(errno, 4242);
    return outcome;
  }
  FileFill fill_of(std::uint64_t offset, std::uint64_t size) const {
    FileFill fill;
    fill.fd = fd_;
    fill.offset = offset;
    fill.size = Bytes(size);
    fill.to = memory_;
    return fill;
  }
  /// The file's content and zeros to the page's end; what is behind stays.
  bool right(std::uint64_t offset, std::uint64_t size) const {
    const auto* file = reinterpret_cast<const char*>(words_.data());
    const std::uint64_t end = (size + kPage - 1) / kPage * kPage;
    bool zeros = true;
    for (std::uint64_t i = size; i < end; ++i) zeros = zeros && memory_[i] == 0;
    return std::memcmp(memory_, file + offset, size) == 0 && zeros && memory_[end] == 0x5a;
  }

  static constexpr std::size_t kRoom = kBytes + 4 * kPage;
  std::string path_;
  std::vector<std::uint64_t> words_;
  int fd_ = -1;
  char* memory_ = nullptr;
  long files_ = 0;
  long threads_ = testing_support::threads_at_rest();
};

TEST_F(FileFillTest, WarmFileComesFromTheCacheAndStaysThere) {
  ASSERT_EQ(pread(fd_, memory_, kBytes, 0), static_cast<ssize_t>(kBytes));
  const std::size_t cached = cached_pages();
  const FillOutcome outcome = run(fill_of(0, kBytes));
  EXPECT_EQ(outcome.error, 0);
  EXPECT_TRUE(right(0, kBytes));
  EXPECT_EQ(outcome.cached.value, kBytes);
  EXPECT_EQ(cached_pages(), cached);
}

TEST_F(FileFillTest, ColdFileLeavesTheCacheAsItWas) {
  make_cold();
  const FillOutcome outcome = run(fill_of(0, kBytes));
  EXPECT_EQ(outcome.error, 0);
  EXPECT_TRUE(right(0, kBytes));
  EXPECT_EQ(outcome.direct.value + outcome.buffered.value, kBytes);
  EXPECT_EQ(cached_pages(), 0u);
}

TEST_F(FileFillTest, PartlyWarmFileIsReadBothWays) {
  make_cold();
  ASSERT_EQ(posix_fadvise(fd_, 0, 0, POSIX_FADV_RANDOM), 0);
  constexpr std::size_t kWarm = 1u << 20;
  ASSERT_EQ(pread(fd_, memory_, kWarm, 5u << 20), static_cast<ssize_t>(kWarm));
  ASSERT_EQ(pread(fd_, memory_, kPage, 7u << 20), static_cast<ssize_t>(kPage));
  const std::size_t warm = cached_pages();
  const FillOutcome outcome = run(fill_of(0, kBytes));
  EXPECT_EQ(outcome.error, 0);
  EXPECT_TRUE(right(0, kBytes));
  EXPECT_EQ(outcome.cached.value, warm * kPage);
  EXPECT_EQ(cached_pages(), warm);
}

TEST_F(FileFillTest, PartOfAFileFromAnyPage) {
  for (const bool cold : {true, false}) {
    if (cold) make_cold();
    std::memset(memory_, 0x5a, kRoom);
    constexpr std::uint64_t kOffset = 3 * kPage;
    EXPECT_EQ(run(fill_of(kOffset, kBytes - kOffset)).error, 0);
    EXPECT_TRUE(right(kOffset, kBytes - kOffset));
    std::memset(memory_, 0x5a, kRoom);
    EXPECT_EQ(run(fill_of(7 * kPage, 100)).error, 0);
    EXPECT_TRUE(right(7 * kPage, 100));
  }
}

TEST_F(FileFillTest, AnyNumberOfThreadsReadsTheSame) {
  for (const std::uint32_t threads : {0u, 1u, 2u, 7u, 100u}) {
    std::memset(memory_, 0x5a, kRoom);
    FileFill fill = fill_of(0, kBytes);
    fill.threads = threads;
    EXPECT_EQ(run(fill).error, 0);
    EXPECT_TRUE(right(0, kBytes)) << threads << " threads";
    EXPECT_EQ(testing_support::threads_left(threads_), threads_);
  }
}

TEST_F(FileFillTest, FileThatEndsEarlierIsAnError) {
  EXPECT_EQ(run(fill_of(0, kBytes + kPage)).error, ENODATA);
  ASSERT_EQ(truncate(path_.c_str(), kBytes / 2), 0);
  EXPECT_EQ(run(fill_of(0, kBytes)).error, ENODATA);
}

TEST_F(FileFillTest, ProgramsDescriptorKeepsItsPlaceAndFlags) {
  ASSERT_EQ(lseek(fd_, 4711, SEEK_SET), 4711);
  const int flags = fcntl(fd_, F_GETFL);
  EXPECT_EQ(run(fill_of(0, kBytes)).error, 0);
  EXPECT_EQ(lseek(fd_, 0, SEEK_CUR), 4711);
  EXPECT_EQ(fcntl(fd_, F_GETFL), flags);
}

/// mincore() tells a stranger that all is cached; then a cold file must not be read into the cache.
TEST_F(FileFillTest, ColdFileOfAnotherUserLeavesTheCacheAsItWas) {
  if (geteuid() != 0) GTEST_SKIP() << "root's right to become another user";
  make_cold();
  const int status = testing_support::status_of_child([&] {
    const bool stranger = setresuid(65534, 65534, 65534) == 0;
    const FillOutcome outcome = run(fill_of(0, kBytes));
    const bool whole = outcome.error == 0 && right(0, kBytes);
    return stranger && whole && outcome.cached.value == 0 ? 0 : 1;
  });
  EXPECT_EQ(status, 0);
  EXPECT_EQ(cached_pages(), 0u);
}

TEST_F(FileFillTest, NobodyIsToldOfWhatIsQuick) {
  FileFill fill = fill_of(0, kBytes);
  int lines = 0;
  fill.context = &lines;
  fill.progress = [](void* context, const FillProgress& progress) {
    if (progress.since_begin < milliseconds(1000)) ++*static_cast<int*>(context);
  };
  EXPECT_EQ(run(fill).error, 0);
  EXPECT_EQ(lines, 0);
}

/// Every write after the stamp gives another one, however soon it comes.
TEST_F(FileFillTest, StampSeesTheNextWrite) {
  const int writer = open(path_.c_str(), O_WRONLY | O_CLOEXEC);
  for (int round = 0; round < 20; ++round) {
    ASSERT_EQ(pwrite(writer, &round, sizeof round, 0), static_cast<ssize_t>(sizeof round));
    const auto stamp = os::stamp_before_reading(fd_);
    ASSERT_TRUE(stamp);
    ASSERT_EQ(pwrite(writer, &round, sizeof round, 8), static_cast<ssize_t>(sizeof round));
    EXPECT_NE(os::stamp_of(fd_), stamp);
  }
  close(writer);
}

TEST_F(FileFillTest, SeveralFillsAtOnceFromOneDescriptor) {
  std::vector<std::thread> readers;
  std::atomic<int> wrong{0};
  for (std::uint64_t i = 0; i < 4; ++i) {
    readers.emplace_back([&, i] {
      constexpr std::uint64_t kPart = 4u << 20;
      FileFill fill = fill_of(i * kPart, kPart);
      fill.to = memory_ + i * kPart;
      if (run(fill).error != 0) ++wrong;
    });
  }
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(std::memcmp(memory_, words_.data(), 16u << 20), 0);
}

}  // namespace
}  // namespace terrace::extent::file_fill_test
