// SPDX-License-Identifier: Apache-2.0
#include "profiler/sources/referenced_bits.h"
#include "tests/unit/sources/forget_translations.h"

#include <errno.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <string>

namespace terrace {
namespace {

constexpr std::uint64_t kPage = 4096;

// Ordinary memory in 4 KiB pages, all of them present.
class SmallPages {
 public:
  explicit SmallPages(Bytes size) : size_(size.value) {
    data_ = ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (data_ == MAP_FAILED) return;
    ::madvise(data_, size_, MADV_NOHUGEPAGE);
    std::memset(data_, 1, size_);
  }
  ~SmallPages() {
    if (data_ != MAP_FAILED) ::munmap(data_, size_);
  }
  SmallPages(const SmallPages&) = delete;
  SmallPages& operator=(const SmallPages&) = delete;

  bool valid() const { return data_ != MAP_FAILED; }
  std::uintptr_t base() const { return reinterpret_cast<std::uintptr_t>(data_); }
  std::uint64_t size() const { return size_; }
  void touch(std::uint64_t from, std::uint64_t to) const {
    auto* bytes = static_cast<volatile unsigned char*>(data_);
    for (std::uint64_t at = from; at < to; at += kPage) (void)bytes[at];
  }

 private:
  std::uint64_t size_;
  void* data_;
};

sources::BlockRun run_of(const SmallPages& memory) {
  return {reinterpret_cast<char*>(memory.base()), 0,
          static_cast<std::uint32_t>(memory.size() >> kBlockShift)};
}

class ReferencedBits : public testing::Test {
 protected:
  void SetUp() override {
    if (const Status opened = source_.open({}); !opened) {
      GTEST_SKIP() << "missing capability: " << opened.error().message;
    }
  }
  sources::ReferencedBits source_;
};

TEST_F(ReferencedBits, SeeTheHalfThatWasTouched) {
  const SmallPages memory(MiB(64));
  ASSERT_TRUE(memory.valid());
  const sources::BlockRun run = run_of(memory);
  ASSERT_EQ(source_.begin_run(run), 0);
  ASSERT_EQ(source_.begin(), 0);
  sources::forget_translations();
  memory.touch(0, memory.size() / 2);
  ASSERT_EQ(source_.end(), 0);
  std::uint32_t pages = 5;
  ASSERT_EQ(source_.end_run(run, &pages), 0);
  const auto half = static_cast<double>(memory.size() / kPage) / 2;
  EXPECT_NEAR(pages - 5.0, half, half * 0.1) << "counts add up over windows";
}

TEST_F(ReferencedBits, SeeNothingWhereNothingWasTouched) {
  const SmallPages memory(MiB(32));
  ASSERT_TRUE(memory.valid());
  const sources::BlockRun run = run_of(memory);
  ASSERT_EQ(source_.begin_run(run), 0);
  ASSERT_EQ(source_.begin(), 0);
  ASSERT_EQ(source_.end(), 0);
  std::uint32_t pages = 0;
  ASSERT_EQ(source_.end_run(run, &pages), 0);
  EXPECT_LT(pages, memory.size() / kPage / 50);
}

TEST_F(ReferencedBits, ARunThatCameAfterTheWindowsBeginIsNotToldOf) {
  ASSERT_EQ(source_.begin(), 0);
  ASSERT_EQ(source_.end(), 0);
  std::uint32_t pages = 0;
  EXPECT_EQ(source_.end_run({reinterpret_cast<char*>(0x10000000), 0, 1}, &pages), ENOENT);
  EXPECT_EQ(pages, 0u);
}

TEST_F(ReferencedBits, RunsOfTheLastWindowAreForgotten) {
  const SmallPages memory(MiB(2));
  const sources::BlockRun run = run_of(memory);
  ASSERT_EQ(source_.begin_run(run), 0);
  ASSERT_EQ(source_.begin(), 0);
  ASSERT_EQ(source_.begin(), 0);
  ASSERT_EQ(source_.end(), 0);
  std::uint32_t pages = 0;
  EXPECT_EQ(source_.end_run(run, &pages), ENOENT);
}

TEST(ReferencedRanges, AreFoundByTheFirstThatEndsBehindAnAddress) {
  os::ReferencedRange ranges[] = {{100, 10, 0}, {110, 10, 0}, {200, 10, 0}};
  EXPECT_EQ(os::range_from(ranges, 3, 0), &ranges[0]);
  EXPECT_EQ(os::range_from(ranges, 3, 109), &ranges[0]);
  EXPECT_EQ(os::range_from(ranges, 3, 110), &ranges[1]);
  EXPECT_EQ(os::range_from(ranges, 3, 150), &ranges[2]);
  EXPECT_EQ(os::range_from(ranges, 3, 210), nullptr);
  EXPECT_EQ(os::range_from(ranges, 0, 0), nullptr);
}

constexpr char kSmaps[] =
    "10000000-10400000 rw-p 00000000 00:00 0 \n"
    "Size:               4096 kB\nRss:                4096 kB\nReferenced:         2048 kB\n"
    "VmFlags: rd wr mr mw me ac sd \n"
    "10400000-10600000 r--p 00000000 fe:00 77   /a/very/long/path/that/goes/on/and/on/beyond/the/"
    "buffer/of/the/parser/so/that/the/rest/has/to/be/dropped/without/harm/to/the/next/line\n"
    "Referenced:          512 kB\n"
    "7fff0000-7fff1000 r-xp 00000000 00:00 0   [vdso]\nReferenced:            4 kB\n";

TEST(SmapsParser, SharesAMappingOutByLengthInPiecesOfAnySize) {
  const std::string text = kSmaps;
  for (std::size_t piece = 1; piece < 70; piece += 7) {
    os::ReferencedRange ranges[] = {{0x10000000, 0x100000, 0},   // a quarter of the first mapping
                                    {0x10300000, 0x200000, 0},   // over the border of two
                                    {0x20000000, 0x100000, 5}};  // in none
    os::SmapsParser parser(ranges, 3);
    for (std::size_t at = 0; at < text.size(); at += piece) {
      parser.feed(text.data() + at, std::min(piece, text.size() - at));
    }
    EXPECT_EQ(ranges[0].referenced_bytes, 512u << 10);
    EXPECT_EQ(ranges[1].referenced_bytes, (512u << 10) + (256u << 10));
    EXPECT_EQ(ranges[2].referenced_bytes, 0u);
  }
}

}  // namespace
}  // namespace terrace
