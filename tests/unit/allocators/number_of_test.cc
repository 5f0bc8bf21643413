// SPDX-License-Identifier: Apache-2.0
#include "allocators/base/number_of.h"

#include <gtest/gtest.h>

#include <cstdint>

namespace terrace::number_of_test {
namespace {

TEST(NumberOf, TakesAllOfTheTextOrNothing) {
  EXPECT_EQ(number_of<std::uint32_t>("42"), 42u);
  EXPECT_EQ(number_of<std::int32_t>("-7"), -7);
  EXPECT_EQ(number_of<double>("0.25"), 0.25);
  for (const char* text : {"", " 1", "1 ", "1x", "+1", "-1", "0x10", "1.5"}) {
    EXPECT_EQ(number_of<std::uint32_t>(text), std::nullopt) << text;
  }
}

TEST(NumberOf, TakesNothingThatDoesNotFit) {
  EXPECT_EQ(number_of<std::uint32_t>("4294967295"), UINT32_MAX);
  EXPECT_EQ(number_of<std::uint32_t>("4294967296"), std::nullopt);
  for (const char* text : {"inf", "nan", "1e999"}) {
    EXPECT_EQ(number_of<double>(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace terrace::number_of_test
