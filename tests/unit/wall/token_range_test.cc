// SPDX-License-Identifier: Apache-2.0
#include "tiering/wall/token_range.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace terrace::wall::token_range_test {
namespace {

using Values = std::vector<std::uint64_t>;

Values values(const std::string& text, const RangeLimits& limits = {}) {
  const auto parsed = parse_range(text, limits);
  EXPECT_TRUE(parsed.ok()) << text << ": " << (parsed.ok() ? "" : parsed.error().message);
  return parsed.ok() ? *parsed : Values();
}

std::string refusal(const std::string& text, const RangeLimits& limits = {}) {
  const auto parsed = parse_range(text, limits);
  return parsed.ok() ? "" : parsed.error().message;
}

TEST(TokenRange, ReadsNumbersListsAndRanges) {
  EXPECT_EQ(values("8192"), (Values{8192}));
  EXPECT_EQ(values("32k"), (Values{32768}));
  EXPECT_EQ(values("1M"), (Values{1048576}));
  EXPECT_EQ(values("4k..32k"), (Values{4096, 8192, 16384, 32768}));
  EXPECT_EQ(values("4k..20k"), (Values{4096, 8192, 16384, 20480}));
  EXPECT_EQ(values("64,1..4,64"), (Values{1, 2, 4, 64}));
  EXPECT_EQ(values("0..3", {0, 8, Steps::kOne}), (Values{0, 1, 2, 3}));
  EXPECT_EQ(values("0..4", {0, 8, Steps::kDoubling}), (Values{0, 1, 2, 4}));
}

TEST(TokenRange, RefusesWithAReason) {
  EXPECT_THAT(refusal(""), testing::HasSubstr("no whole number"));
  EXPECT_THAT(refusal("-4"), testing::HasSubstr("\"-4\" is no whole number"));
  EXPECT_THAT(refusal("4x"), testing::HasSubstr("no whole number"));
  EXPECT_THAT(refusal("4k,"), testing::HasSubstr("no whole number"));
  EXPECT_THAT(refusal("8k..4k"), testing::HasSubstr("falls"));
  EXPECT_THAT(refusal("0"), testing::HasSubstr("0 is outside 1 to"));
  EXPECT_THAT(refusal("99999999999999999999"), testing::HasSubstr("no whole number"));
  EXPECT_THAT(refusal("18446744073709551615G"), testing::HasSubstr("no whole number"));
  EXPECT_THAT(refusal("1..200", {1, 1000, Steps::kOne}), testing::HasSubstr("more than 64"));
}

}  // namespace
}  // namespace terrace::wall::token_range_test
