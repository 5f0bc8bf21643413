// SPDX-License-Identifier: Apache-2.0
#include "profiler/sources/present_bits.h"

#include <gtest/gtest.h>

#include "allocators/os/mapping.h"
#include "allocators/os/memory_file.h"

namespace terrace::sources {
namespace {

TEST(PresentBits, CountExactlyTheBlocksTouchedInTheWindow) {
  PresentBits bits;
  const Status opened = bits.open({});
  if (!opened) GTEST_SKIP() << "missing capability: " << opened.error().message;
  constexpr std::uint32_t kBlocks = 16;
  const Bytes size(std::uint64_t{kBlocks} << kBlockShift);
  auto file = os::MemoryFile::create(size, os::PageKind::kSmall);
  ASSERT_TRUE(file.ok()) << file.error().message;
  auto* at = static_cast<char*>(os::reserve_address_space(size));
  ASSERT_NE(at, nullptr);
  ASSERT_EQ(os::map_shared_file(at, size, file->fd(), 0), 0);
  for (std::uint64_t i = 0; i < size.value; i += 4096) at[i] = 1;

  std::uint32_t touches[kBlocks] = {};
  ASSERT_EQ(bits.begin_run({at, 0, kBlocks}), 0);
  for (const std::uint64_t block : {1, 2, 9}) {
    // The middle of a block: faults of neighbouring pages stay inside it.
    EXPECT_EQ(static_cast<volatile char*>(at)[(block << kBlockShift) + (1u << 20)], 1);
  }
  ASSERT_EQ(bits.end_run({at, 0, kBlocks}, touches), 0);
  for (std::uint64_t block = 0; block < kBlocks; ++block) {
    EXPECT_EQ(touches[block], block == 1 || block == 2 || block == 9 ? 1u : 0u) << block;
  }
  ASSERT_EQ(bits.end_run({at, 0, kBlocks}, touches), 0);
  EXPECT_EQ(touches[9], 2u) << "counts add up over windows";
  EXPECT_EQ(at[size.value - 4096], 1) << "the data stays";
  os::unmap(at, size);
}

}  // namespace
}  // namespace terrace::sources
