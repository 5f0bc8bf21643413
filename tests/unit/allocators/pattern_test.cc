// SPDX-License-Identifier: Apache-2.0
#include "allocators/base/pattern.h"

#include <gtest/gtest.h>

#include <string>

namespace terrace::pattern_test {
namespace {

TEST(Pattern, StarsStandForAnyLettersAndQuestionMarksForOne) {
  EXPECT_TRUE(matches_pattern("weights", "weights"));
  EXPECT_TRUE(matches_pattern("weights", "*"));
  EXPECT_TRUE(matches_pattern("", "*"));
  EXPECT_TRUE(matches_pattern("blk.12.ffn_up", "blk.*.ffn_*"));
  EXPECT_TRUE(matches_pattern("aaab", "*aab"));
  EXPECT_TRUE(matches_pattern("f(a,b)", "f(a?b)"));
  EXPECT_TRUE(matches_pattern("operator new[]", "operator new[]")) << "brackets are letters";
  EXPECT_FALSE(matches_pattern("weights", "weight"));
  EXPECT_FALSE(matches_pattern("weight", "weights"));
  EXPECT_FALSE(matches_pattern("", "?"));
  EXPECT_FALSE(matches_pattern("abc", "a*d"));
  EXPECT_TRUE(matches_pattern("libllama.so", "lib*.so"));
  EXPECT_TRUE(matches_pattern("aXbXc", "*X*c"));
  EXPECT_FALSE(matches_pattern("ab", "a?c"));
}

TEST(Pattern, PatternsOfManyStarsEndSoon) {
  const std::string text(2000, 'a');
  std::string pattern;
  for (int i = 0; i < 200; ++i) pattern += "a*";
  EXPECT_FALSE(matches_pattern(text, pattern + "b"));
}

}  // namespace
}  // namespace terrace::pattern_test
