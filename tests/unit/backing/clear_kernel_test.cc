// SPDX-License-Identifier: Apache-2.0
#include "allocators/backing/clear_kernel.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace terrace::backing::clear_kernel_test {
namespace {

struct alignas(64) Line {
  unsigned char bytes[64];
};

TEST(ClearKernel, ZeroesTheRangeAndNothingElse) {
  for (const std::size_t lines : {1u, 2u, 63u, 4096u}) {
    std::vector<Line> memory(lines + 2);
    auto* const bytes = memory[0].bytes;
    std::fill(bytes, bytes + memory.size() * sizeof(Line), static_cast<unsigned char>(0xee));
    clear_streaming(memory[1].bytes, lines * sizeof(Line));
    const auto* const begin = memory[1].bytes;
    const auto* const end = begin + lines * sizeof(Line);
    const auto is = [](unsigned char value) {
      return [value](unsigned char byte) { return byte == value; };
    };
    EXPECT_TRUE(std::all_of(begin, end, is(0)));
    EXPECT_TRUE(std::all_of<const unsigned char*>(bytes, begin, is(0xee)));
    EXPECT_TRUE(std::all_of(end, end + sizeof(Line), is(0xee)));
  }
}

}  // namespace
}  // namespace terrace::backing::clear_kernel_test
