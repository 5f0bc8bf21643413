// SPDX-License-Identifier: Apache-2.0
// Pages behind a range are exchanged both ways: content, neighbours, odd shapes, refusals. What
// threads see meanwhile is in tests/stress/copy_remap_stress.cc.
#include "tests/unit/extent/copy_remap_rig.h"

#include <cerrno>
#include <fstream>

namespace terrace::extent::copy_remap_test {
namespace {

class CopyRemapTest : public testing::Test, protected WithCopyRemap<> {
 protected:
  void SetUp() override { open_remap(); }
  void TearDown() override { end_watch(); }
};

/// Is a write through one of them seen through the other?
bool shares_pages(const TestRange& range, const TestFile& file) {
  for (std::uint64_t offset = 0; offset < range.size().value; offset += kPage) {
    const char before = range.at()[offset];
    file.view()[offset] = static_cast<char>(before + 1);
    const bool shared = *static_cast<volatile char*>(range.at() + offset) != before;
    file.view()[offset] = before;
    if (!shared) return false;
  }
  return true;
}

struct Shape {
  const char* name;
  std::uint64_t size;
  Huge huge;
  std::uint64_t shift;
};
class CopyRemapShapes : public CopyRemapTest, public testing::WithParamInterface<Shape> {};

TEST_P(CopyRemapShapes, BothWaysTwiceKeepContentAndNeighbours) {
  const TestRange range(GetParam().size, GetParam().huge, GetParam().shift);
  const TestFile file(GetParam().size);
  ASSERT_TRUE(file.ready());
  range.fill(1);
  for (std::uint64_t round = 1; round <= 2; ++round) {
    const RemapReport there = to_file(range, file);
    ASSERT_EQ(there.error, 0);
    EXPECT_EQ(there.copied, range.size());
    EXPECT_GE(there.longest_hold.value, 1u);
    EXPECT_TRUE(range.holds(round));
    EXPECT_TRUE(shares_pages(range, file));
    range.fill(round + 100);
    const RemapReport back = to_private(range, file);
    ASSERT_EQ(back.error, 0);
    EXPECT_EQ(back.copied, range.size());
    EXPECT_TRUE(range.holds(round + 100));
    EXPECT_FALSE(shares_pages(range, file));
    EXPECT_TRUE(range.neighbours_are_untouched());
    range.fill(round + 1);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Shape, CopyRemapShapes,
    testing::Values(Shape{"OnePage", kPage, Huge::kNo, 0},
                    Shape{"OddPages", 77 * kPage, Huge::kNo, 3 * kPage},
                    Shape{"Block", kBlock, Huge::kNo, 0}, Shape{"HugeBlock", kBlock, Huge::kYes, 0},
                    Shape{"BlocksAndABit", 2 * kBlock + 5 * kPage, Huge::kYes, 0},
                    Shape{"AcrossHugePages", 2 * kBlock, Huge::kYes, 9 * kPage}),
    [](const auto& param) { return std::string(param.param.name); });

TEST_F(CopyRemapTest, NeverTouchedPagesReadAsZeroAndTakeWrites) {
  for (const Huge huge : {Huge::kNo, Huge::kYes}) {
    const TestRange range(kBlock, huge);
    const TestFile file(kBlock);
    std::memset(file.view(), 0x77, kBlock);
    *range.word(5) = 42;
    ASSERT_EQ(to_file(range, file).error, 0);
    EXPECT_EQ(*range.word(5), 42u);
    EXPECT_EQ(*range.word(6), 0u);
    *range.word(300) = 7;
    EXPECT_EQ(reinterpret_cast<std::uint64_t*>(file.view())[300 * kPage / 8], 7u);
  }
}

TEST_F(CopyRemapTest, HolesOfTheFileBecomeZeroPages) {
  const TestRange range(kBlock);
  const TestFile file(kBlock);
  mmap(range.at(), kBlock, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file.fd(), 0);
  *range.word(8) = 3;
  ASSERT_EQ(to_private(range, file).error, 0);
  EXPECT_EQ(*range.word(8), 3u);
  EXPECT_EQ(*range.word(9), 0u);
}

TEST_F(CopyRemapTest, LockedMemoryIsCopiedToo) {
  const TestRange range(16 * kPage);
  const TestFile file(16 * kPage);
  range.fill(4);
  ASSERT_EQ(mlock(range.at(), 16 * kPage), 0);
  ASSERT_EQ(to_file(range, file).error, 0);
  EXPECT_TRUE(range.holds(4));
  ASSERT_EQ(mlock(range.at(), 16 * kPage), 0);
  ASSERT_EQ(to_private(range, file).error, 0);
  EXPECT_TRUE(range.holds(4));
}

TEST_F(CopyRemapTest, ProtectedNeighboursStayProtected) {
  const TestRange range(16 * kPage, Huge::kNo, 8 * kPage);
  const TestFile file(16 * kPage);
  range.fill(4);
  ASSERT_EQ(mprotect(range.at() - kPage, kPage, PROT_NONE), 0);
  ASSERT_EQ(mprotect(range.at() + 16 * kPage, kPage, PROT_READ), 0);
  ASSERT_EQ(to_file(range, file).error, 0);
  ASSERT_EQ(to_private(range, file).error, 0);
  EXPECT_TRUE(range.holds(4));
  ASSERT_EQ(mprotect(range.at() - kPage, kPage, PROT_READ | PROT_WRITE), 0);
  EXPECT_TRUE(range.neighbours_are_untouched());
}

TEST_F(CopyRemapTest, PrivateMemoryOfSeveralMappingsIsOneRange) {
  const TestRange range(32 * kPage);
  const TestFile file(32 * kPage);
  range.fill(4);
  // Different advice makes the kernel keep three mappings.
  ASSERT_EQ(madvise(range.at() + 8 * kPage, 8 * kPage, MADV_DONTFORK), 0);
  ASSERT_EQ(to_file(range, file).error, 0);
  EXPECT_TRUE(range.holds(4));
  EXPECT_TRUE(shares_pages(range, file));
}

TEST_F(CopyRemapTest, BadRangesAreRefused) {
  const TestRange range(4 * kPage);
  const TestFile file(4 * kPage);
  range.fill(4);
  const RemapLimits limits;
  EXPECT_EQ(
      remap_.to_file(range.at() + 1, Bytes(kPage), file.fd(), 0, file.view(), plain_copy, limits)
          .error,
      EINVAL);
  EXPECT_EQ(
      remap_.to_file(range.at(), Bytes(100), file.fd(), 0, file.view(), plain_copy, limits).error,
      EINVAL);
  EXPECT_EQ(
      remap_.to_file(range.at(), Bytes(), file.fd(), 0, file.view(), plain_copy, limits).error,
      EINVAL);
  EXPECT_NE(remap_.to_file(range.at(), range.size(), -1, 0, file.view(), plain_copy, limits).error,
            0);
  EXPECT_EQ(
      remap_.to_private(range.at() + 8, Bytes(kPage), file.view(), {}, os::Binding::kPreferred)
          .error,
      EINVAL);
  EXPECT_TRUE(range.holds(4));
  EXPECT_TRUE(range.neighbours_are_untouched());
  range.fill(5);
  EXPECT_TRUE(range.holds(5));
}

TEST_F(CopyRemapTest, AFileMappingIsNoPrivateMemory) {
  // An ordinary file, since the kernel does watch writes to memory files.
  const TestRange range(4 * kPage);
  const TestFile target(4 * kPage);
  char name[] = "/var/tmp/copy_remap_XXXXXX";
  const int fd = mkstemp(name);
  ASSERT_GE(fd, 0);
  unlink(name);
  ASSERT_EQ(ftruncate(fd, 4 * kPage), 0);
  ASSERT_NE(mmap(range.at(), 4 * kPage, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0),
            MAP_FAILED);
  range.fill(9);
  EXPECT_EQ(to_file(range, target).error, EINVAL);
  EXPECT_TRUE(range.holds(9));
  close(fd);
}

TEST_F(CopyRemapTest, WithoutUserfaultfdNothingIsTried) {
  CopyRemap powerless;
  EXPECT_FALSE(powerless.possible());
  const TestRange range(kPage);
  const TestFile file(kPage);
  EXPECT_EQ(
      powerless.to_file(range.at(), range.size(), file.fd(), 0, file.view(), plain_copy, {}).error,
      EOPNOTSUPP);
  EXPECT_EQ(
      powerless.to_private(range.at(), range.size(), file.view(), {}, os::Binding::kStrict).error,
      EOPNOTSUPP);
  remap_.close();
  EXPECT_FALSE(remap_.possible());
}

/// Writes into a page once for each copy of it, while the copy is under way: copy() returns only
/// when the writer stands before the page's protection.
class PageWriter {
 public:
  explicit PageWriter(std::uint64_t* word) : word_(word), thread_([this] { run(); }) {
    current_ = this;
    while (task_.load() == 0) std::this_thread::yield();
  }
  ~PageWriter() { stop(); }
  void stop() {
    if (!thread_.joinable()) return;
    while (written_.load() != asked_.load()) std::this_thread::yield();
    asked_.store(kEnd);
    thread_.join();
  }
  std::uint64_t written() const { return written_.load(); }
  static void copy(void* to, const void* from, std::size_t size) {
    plain_copy(to, from, size);
    const auto at = reinterpret_cast<std::uintptr_t>(from);
    const auto word = reinterpret_cast<std::uintptr_t>(current_->word_);
    if (word >= at && word < at + size) current_->let_it_write();
  }

 private:
  static constexpr std::uint64_t kEnd = ~std::uint64_t{0};
  void let_it_write() {
    // It spins unless it waits in the kernel, so asleep means held. One that was let through may
    // meet the next protection before it has written.
    while (state() != 'S') {
      if (written_.load() == asked_.load()) asked_.fetch_add(1);
      std::this_thread::yield();
    }
  }
  char state() const {
    std::ifstream in("/proc/self/task/" + std::to_string(task_.load()) + "/stat");
    std::string line;
    std::getline(in, line);
    const auto name_end = line.rfind(')');
    return name_end == std::string::npos ? '?' : line[name_end + 2];
  }
  void run() {
    task_.store(gettid());
    for (std::uint64_t count = 0;;) {
      const std::uint64_t asked = asked_.load();
      if (asked == kEnd) return;
      if (asked == count) continue;
      *static_cast<volatile std::uint64_t*>(word_) = ++count;
      written_.store(count);
    }
  }

  static inline PageWriter* current_ = nullptr;
  std::uint64_t* word_;
  std::atomic<int> task_{0};
  std::atomic<std::uint64_t> asked_{0};
  std::atomic<std::uint64_t> written_{0};
  std::thread thread_;
};

TEST_F(CopyRemapTest, ARangeThatIsAlwaysWrittenIsGivenBackAsItWas) {
  for (const Huge huge : {Huge::kNo, Huge::kYes}) {
    const TestRange range(huge == Huge::kYes ? kBlock : 4 * kPage, huge);
    const TestFile file(range.size().value);
    range.fill(3);
    PageWriter writer(range.word(2, 7));
    RemapLimits none_held;
    none_held.held_copy = Bytes();
    none_held.rounds = 3;
    const RemapReport report = remap_.to_file(range.at(), range.size(), file.fd(), 0, file.view(),
                                              PageWriter::copy, none_held);
    EXPECT_EQ(report.error, EBUSY);
    EXPECT_EQ(report.rounds, 3u);
    writer.stop();
    EXPECT_GE(writer.written(), 1u);
    EXPECT_EQ(*range.word(2, 7), writer.written());
    EXPECT_FALSE(shares_pages(range, file));
    // Nothing watches it any more, so it can be exchanged now.
    EXPECT_EQ(to_file(range, file).error, 0);
    EXPECT_EQ(*range.word(2, 7), writer.written());
    EXPECT_TRUE(range.neighbours_are_untouched());
  }
}

TEST_F(CopyRemapTest, AWriteDuringTheLastCopyIsNotLost) {
  const TestRange range(4 * kPage);
  const TestFile file(4 * kPage);
  range.fill(3);
  PageWriter writer(range.word(2, 7));
  const RemapReport report =
      remap_.to_file(range.at(), range.size(), file.fd(), 0, file.view(), PageWriter::copy, {});
  EXPECT_EQ(report.error, 0);
  writer.stop();
  EXPECT_EQ(*range.word(2, 7), writer.written());
  EXPECT_TRUE(shares_pages(range, file));
}

TEST_F(CopyRemapTest, BindsPrivateMemoryToItsNodes) {
  os::NodeMask first;
  first.words[0] = 1;
  const TestRange range(kBlock);
  const TestFile file(kBlock);
  range.fill(6);
  if (os::bind_range(range.at(), range.size(), first, os::Binding::kStrict, os::Existing::kLeave) !=
      0) {
    GTEST_SKIP() << "mbind is refused here";
  }
  ASSERT_EQ(to_file(range, file).error, 0);
  ASSERT_EQ(
      remap_.to_private(range.at(), range.size(), file.view(), first, os::Binding::kStrict).error,
      0);
  EXPECT_TRUE(range.holds(6));
  os::NodeMask nowhere;
  nowhere.words[15] = std::uint64_t{1} << 63;
  ASSERT_EQ(to_file(range, file).error, 0);
  EXPECT_EQ(
      remap_.to_private(range.at(), range.size(), file.view(), nowhere, os::Binding::kStrict).error,
      EINVAL);
  EXPECT_TRUE(range.holds(6));
  EXPECT_TRUE(shares_pages(range, file));
}

}  // namespace
}  // namespace terrace::extent::copy_remap_test
