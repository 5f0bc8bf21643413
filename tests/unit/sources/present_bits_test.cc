// SPDX-License-Identifier: Apache-2.0
#include "profiler/sources/present_bits.h"

#include <gtest/gtest.h>

#include "allocators/os/mapping.h"
#include "allocators/os/memory_file.h"

namespace terrace::sources::present_bits_test {
namespace {

constexpr std::uint32_t kBlocks = 16;
constexpr Bytes kSize(std::uint64_t{kBlocks} << kBlockShift);

/// Blocks of a memory file in small pages, each page of which was written.
class PresentBitsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const Status opened = bits_.open({});
    if (!opened) GTEST_SKIP() << "missing capability: " << opened.error().message;
    auto file = os::MemoryFile::create(kSize, os::PageKind::kSmall);
    ASSERT_TRUE(file.ok()) << file.error().message;
    at_ = static_cast<char*>(os::reserve_address_space(kSize));
    ASSERT_NE(at_, nullptr);
    ASSERT_EQ(os::map_shared_file(at_, kSize, file->fd(), 0), 0);
    for (std::uint64_t i = 0; i < kSize.value; i += 4096) at_[i] = 1;
  }
  void TearDown() override {
    if (at_ != nullptr) os::unmap(at_, kSize);
  }
  char read(std::uint64_t at) const { return static_cast<volatile char*>(at_)[at]; }

  PresentBits bits_;
  char* at_ = nullptr;
};

TEST_F(PresentBitsTest, CountExactlyTheBlocksTouchedInTheWindow) {
  std::uint32_t touches[kBlocks] = {};
  ASSERT_EQ(bits_.begin_run({at_, 0, kBlocks}), 0);
  for (const std::uint64_t block : {1, 2, 9}) {
    // The middle of a block: faults of neighbouring pages stay inside it.
    EXPECT_EQ(read((block << kBlockShift) + (1u << 20)), 1);
  }
  ASSERT_EQ(bits_.end_run({at_, 0, kBlocks}, touches), 0);
  for (std::uint64_t block = 0; block < kBlocks; ++block) {
    EXPECT_EQ(touches[block], block == 1 || block == 2 || block == 9 ? 1u : 0u) << block;
  }
  ASSERT_EQ(bits_.end_run({at_, 0, kBlocks}, touches), 0);
  EXPECT_EQ(touches[9], 2u) << "counts add up over windows";
  EXPECT_EQ(read(kSize.value - 4096), 1) << "the data stays";
}

TEST_F(PresentBitsTest, PagesAreThoseOfTheLastRun) {
  std::uint32_t touches[kBlocks] = {};
  ASSERT_EQ(bits_.begin_run({at_, 0, kBlocks}), 0);
  for (std::uint64_t i = 0; i < kBlockBytes.value; i += 4096) EXPECT_EQ(read(i), 1);
  EXPECT_EQ(read(5 * kBlockBytes.value), 1);
  ASSERT_EQ(bits_.end_run({at_, 0, kBlocks}, touches), 0);
  EXPECT_GT(bits_.pages(), 512u);
  EXPECT_LT(bits_.pages(), 2 * 512u) << "one page brings its neighbours, and not all of a block";
  ASSERT_EQ(bits_.begin_run({at_, 0, kBlocks}), 0);
  ASSERT_EQ(bits_.end_run({at_, 0, kBlocks}, touches), 0);
  EXPECT_EQ(bits_.pages(), 0u);
}

}  // namespace
}  // namespace terrace::sources::present_bits_test
