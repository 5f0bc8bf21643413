// SPDX-License-Identifier: Apache-2.0
#include "tiering/wall/fit_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace terrace::wall::fit_file_test {
namespace {

FittedConstants sample() {
  FittedConstants constants;
  constants.fit = {0.77, 0.45, 1090.5, 66.4e-6, 1.22};
  constants.left_out_error = 0.105;
  constants.points = 20;
  constants.source = "a list";
  constants.how = "a fit";
  constants.compute_source = "an assumption";
  return constants;
}

TEST(FitFile, ReadsWhatItWrites) {
  const auto read = parse_constants(constants_as_toml(sample()), "decode.toml");
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_NEAR(read->fit.hidden_share, 0.77, 1e-4);
  EXPECT_NEAR(read->fit.unpacking_share, 0.45, 1e-4);
  EXPECT_NEAR(read->fit.knee_gbps, 1090.5, 0.1);
  EXPECT_NEAR(read->fit.layer_seconds, 66.4e-6, 1e-8);
  EXPECT_NEAR(read->fit.spread, 1.22, 1e-3);
  EXPECT_EQ(read->points, 20u);
  EXPECT_EQ(read->how, "a fit");
}

TEST(FitFile, ErrorsNameTheLine) {
  std::string text = constants_as_toml(sample());
  const auto message = [](const std::string& changed) {
    const auto read = parse_constants(changed, "decode.toml");
    return read.ok() ? std::string() : std::string(read.error().message);
  };
  EXPECT_THAT(message(text + "hiden_share = 1\n"),
              testing::HasSubstr("unknown key \"hiden_share\"; did you mean \"hidden_share\"?"));
  EXPECT_THAT(message("spread = \n"), testing::StartsWith("decode.toml:1: "));
  const std::size_t at = text.find("hidden_share = 0.7700");
  text.replace(at, 21, "hidden_share = 1.7700");
  EXPECT_THAT(message(text), testing::StartsWith("decode.toml:4: hidden_share is no number"));
  EXPECT_THAT(message(""), testing::HasSubstr("hidden_share is no number"));
}

}  // namespace
}  // namespace terrace::wall::fit_file_test
