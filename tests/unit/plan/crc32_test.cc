// SPDX-License-Identifier: Apache-2.0
#include "allocators/base/crc32.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <random>
#include <vector>

#include "tests/logged_seed.h"

namespace terrace::crc32_test {
namespace {

std::uint32_t zlib_crc32(const std::vector<unsigned char>& bytes) {
  return static_cast<std::uint32_t>(
      ::crc32(0, bytes.data(), static_cast<unsigned int>(bytes.size())));
}

std::vector<unsigned char> random_bytes(std::mt19937& random, std::size_t size) {
  std::vector<unsigned char> bytes(size);
  for (auto& byte : bytes) byte = static_cast<unsigned char>(random());
  return bytes;
}

TEST(Crc32, HasThePublishedCheckValue) {
  EXPECT_EQ(terrace::crc32("123456789", 9), 0xCBF43926u);
}

TEST(Crc32, OfNothingIsZero) {
  EXPECT_EQ(terrace::crc32(nullptr, 0), 0u);
}

TEST(Crc32, EqualsZlibForEveryLengthUpTo600) {
  std::mt19937 random(terrace::testing_support::logged_seed());
  for (std::size_t size = 0; size <= 600; ++size) {
    const auto bytes = random_bytes(random, size);
    ASSERT_EQ(terrace::crc32(bytes.data(), bytes.size()), zlib_crc32(bytes)) << "size " << size;
  }
}

TEST(Crc32, ContinuesWhereAnEarlierPieceEnded) {
  std::mt19937 random(terrace::testing_support::logged_seed());
  const auto bytes = random_bytes(random, 1000);
  for (std::size_t cut : {0u, 1u, 7u, 500u, 999u, 1000u}) {
    const std::uint32_t first = terrace::crc32(bytes.data(), cut);
    EXPECT_EQ(terrace::crc32(bytes.data() + cut, bytes.size() - cut, first), zlib_crc32(bytes));
  }
}

}  // namespace
}  // namespace terrace::crc32_test
