// SPDX-License-Identifier: Apache-2.0
// Threads write, read and let the kernel write into ranges that are exchanged to and fro all the
// time. No write is lost, nobody reads anything but what was written.
#include <cerrno>

#include "tests/unit/extent/copy_remap_rig.h"

namespace terrace::extent {
namespace {

class CopyRemapStress : public testing::TestWithParam<Huge>, protected WithCopyRemap<100> {
 protected:
  void SetUp() override { open_remap(); }
  void TearDown() override { end_watch(); }

  /// To the file and back; times that the file took the range.
  int exchange(const TestRange& range, const TestFile& file, int times) const {
    int done = 0;
    for (int i = 0; i < times; ++i) {
      const RemapReport there = to_file(range, file);
      if (there.error == EBUSY) continue;
      EXPECT_EQ(there.error, 0);
      ++done;
      EXPECT_EQ(to_private(range, file).error, 0);
    }
    return done;
  }
};

/// The kernel writes numbers that come through a pipe into a word of each page.
class KernelWriter {
 public:
  KernelWriter(const TestRange& range, std::uint64_t index) : range_(range), index_(index) {
    EXPECT_EQ(pipe(ends_), 0);
    thread_ = std::thread([this] { run(); });
  }
  ~KernelWriter() {
    stop();
    close(ends_[0]);
    close(ends_[1]);
  }
  void stop() {
    stop_.store(true);
    if (thread_.joinable()) thread_.join();
  }
  std::uint64_t wrong() const { return wrong_; }
  std::uint64_t written() const { return count_; }

 private:
  void run() {
    std::vector<std::uint64_t> last(range_.pages(), 0);
    while (!stop_.load()) {
      const std::uint64_t page = count_++ % range_.pages();
      std::uint64_t* const word = range_.word(page, index_);
      if (last[page] != 0 && *word != last[page]) ++wrong_;
      last[page] = count_;
      if (write(ends_[1], &count_, 8) != 8 || read(ends_[0], word, 8) != 8) ++wrong_;
      if (*word != count_) ++wrong_;
    }
  }

  const TestRange& range_;
  std::uint64_t index_;
  int ends_[2] = {-1, -1};
  std::uint64_t count_ = 0;
  std::uint64_t wrong_ = 0;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

/// Words that nobody writes hold what they held.
class Reader {
 public:
  Reader(const TestRange& range, std::uint64_t index, std::uint64_t value)
      : range_(range), index_(index), value_(value), thread_([this] { run(); }) {}
  ~Reader() { stop(); }
  void stop() {
    stop_.store(true);
    if (thread_.joinable()) thread_.join();
  }
  std::uint64_t wrong() const { return wrong_; }

 private:
  void run() {
    while (!stop_.load()) {
      for (std::uint64_t page = 0; page < range_.pages(); ++page) {
        if (*static_cast<volatile std::uint64_t*>(range_.word(page, index_)) != value_) ++wrong_;
      }
    }
  }
  const TestRange& range_;
  std::uint64_t index_;
  std::uint64_t value_;
  std::uint64_t wrong_ = 0;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

constexpr std::uint64_t kKept = 0x1234567812345678;

TEST_P(CopyRemapStress, NoWriteOfAnyKindIsLost) {
  const TestRange range(TERRACE_STRESS_PAGES * kPage, GetParam(), 3 * kPage);
  const TestFile file(range.size().value);
  for (std::uint64_t page = 0; page < range.pages(); ++page) *range.word(page, 511) = kKept;
  Writer all(range, 0, 1, 0);
  Writer few(range, 1, 64, 1);
  Writer one(range, 5, 1 << 30, 2);
  KernelWriter kernel(range, 3);
  Reader reader(range, 511, kKept);
  const int done = exchange(range, file, TERRACE_STRESS_EXCHANGES);
  EXPECT_GT(done, 0) << "every exchange was given up, so nothing was tested";
  all.see_it_run();
  one.see_it_run();
  kernel.stop();
  reader.stop();
  all.stop();
  few.stop();
  one.stop();
  EXPECT_EQ(all.lost() + few.lost() + one.lost(), 0u);
  EXPECT_TRUE(all.complete());
  EXPECT_TRUE(few.complete());
  EXPECT_TRUE(one.complete());
  EXPECT_EQ(kernel.wrong(), 0u);
  EXPECT_GT(kernel.written(), 0u);
  EXPECT_EQ(reader.wrong(), 0u);
  EXPECT_TRUE(range.neighbours_are_untouched());
}

TEST_P(CopyRemapStress, FourCallersOnRangesOfTheirOwn) {
  constexpr int kCallers = 4;
  std::vector<std::unique_ptr<TestRange>> ranges;
  std::vector<std::unique_ptr<TestFile>> files;
  std::vector<std::unique_ptr<Writer>> writers;
  for (std::uint64_t i = 0; i < kCallers; ++i) {
    const std::uint64_t pages = TERRACE_STRESS_PAGES / 4 + i * 7;
    ranges.push_back(std::make_unique<TestRange>(pages * kPage, GetParam(), i * kPage));
    files.push_back(std::make_unique<TestFile>(pages * kPage));
    writers.push_back(std::make_unique<Writer>(*ranges.back(), 0, 3, i));
  }
  std::vector<std::thread> callers;
  std::atomic<int> done{0};
  for (std::size_t i = 0; i < kCallers; ++i) {
    callers.emplace_back(
        [&, i] { done.fetch_add(exchange(*ranges[i], *files[i], TERRACE_STRESS_EXCHANGES)); });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_GT(done.load(), 0);
  for (std::size_t i = 0; i < kCallers; ++i) {
    writers[i]->stop();
    EXPECT_EQ(writers[i]->lost(), 0u);
    EXPECT_TRUE(writers[i]->complete());
    EXPECT_TRUE(ranges[i]->neighbours_are_untouched());
  }
}

INSTANTIATE_TEST_SUITE_P(Pages, CopyRemapStress, testing::Values(Huge::kNo, Huge::kYes),
                         [](const auto& param) {
                           return std::string(param.param == Huge::kYes ? "Huge" : "Small");
                         });

}  // namespace
}  // namespace terrace::extent
