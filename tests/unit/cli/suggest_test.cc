// SPDX-License-Identifier: Apache-2.0
#include "tiering/cli/suggest.h"

#include <gtest/gtest.h>

namespace terrace::cli::suggest_test {
namespace {

const std::vector<std::string_view> kNames{"policy", "plan", "threshold", "tiers"};

TEST(Suggest, FindsTheNameBehindASlip) {
  EXPECT_EQ(nearest("polcy", kNames), "policy");
  EXPECT_EQ(nearest("pilocy", kNames), "policy");
  EXPECT_EQ(nearest("treshold", kNames), "threshold");
  EXPECT_EQ(nearest("teirs", kNames), "tiers");  // a swap is one edit
}

TEST(Suggest, IsSilentWhenNothingIsNear) {
  EXPECT_EQ(nearest("bandwidth", kNames), "");
  EXPECT_EQ(nearest("", kNames), "");
  EXPECT_EQ(nearest(std::string(1000, 'p'), kNames), "");
  EXPECT_EQ(suggestion("bandwidth", kNames), "");
}

TEST(Suggest, PhrasesAQuestion) {
  EXPECT_EQ(suggestion("plam", kNames), "; did you mean \"plan\"?");
}

}  // namespace
}  // namespace terrace::cli::suggest_test
