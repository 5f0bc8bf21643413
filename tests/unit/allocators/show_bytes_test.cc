// SPDX-License-Identifier: Apache-2.0
#include "allocators/base/show_bytes.h"

#include <gtest/gtest.h>

#include <cstdint>

namespace terrace {
namespace {

TEST(ShowBytes, WritesPowersOf1024WithThreeOrFourDigits) {
  EXPECT_EQ(show_bytes(Bytes(0)), "0 B");
  EXPECT_EQ(show_bytes(Bytes(12)), "12 B");
  EXPECT_EQ(show_bytes(Bytes(1023)), "1023 B");
  EXPECT_EQ(show_bytes(KiB(1)), "1.00 KiB");
  EXPECT_EQ(show_bytes(MiB(2)), "2.00 MiB");
  EXPECT_EQ(show_bytes(MiB(1536)), "1.50 GiB");
  EXPECT_EQ(show_bytes(MiB(48)), "48.0 MiB");
  EXPECT_EQ(show_bytes(MiB(640)), "640.0 MiB");
  EXPECT_EQ(show_bytes(Bytes((std::uint64_t{5037} << 30) / 10)), "503.7 GiB");
  EXPECT_EQ(show_bytes(MiB(1023)), "1023 MiB");
  EXPECT_EQ(show_bytes(GiB(3 << 20)), "3.00 PiB");
}

TEST(ShowBytes, RoundsIntoTheNextUnitAndTheNextNumberOfDigits) {
  EXPECT_EQ(show_bytes(Bytes(MiB(1).value - 1)), "1.00 MiB");
  EXPECT_EQ(show_bytes(Bytes(GiB(1).value - 1)), "1.00 GiB");
  EXPECT_EQ(show_bytes(Bytes(MiB(10).value - 1)), "10.0 MiB");
  EXPECT_EQ(show_bytes(Bytes(MiB(1000).value - 1)), "1000 MiB");
}

TEST(ShowBytes, IsAtMostNineCharactersWhateverTheSize) {
  for (int bit = 0; bit < 64; ++bit) {
    for (const std::uint64_t near : {-2, -1, 0, 1, 2}) {
      const std::string text = show_bytes(Bytes((std::uint64_t{1} << bit) + near));
      EXPECT_LE(text.size(), 9u) << text;
    }
  }
  EXPECT_EQ(show_bytes(Bytes(UINT64_MAX)), "16.0 EiB");
}

}  // namespace
}  // namespace terrace
