// SPDX-License-Identifier: Apache-2.0
#include "tiering/cli/split_rule.h"

#include <gtest/gtest.h>

#include <string>

namespace terrace::cli::split_rule_test {
namespace {

struct Given {
  const char* size = "0";
  const char* time = "0s";
  const char* keep = "0";
};

Result<session::SplitRule> rule_of(const Given& given) {
  Settings settings;
  EXPECT_TRUE(settings.set("split-size", given.size, "test").ok());
  EXPECT_TRUE(settings.set("split-time", given.time, "test").ok());
  EXPECT_TRUE(settings.set("split-keep", given.keep, "test").ok());
  return split_rule(settings);
}

TEST(SplitRule, NothingGivenIsOneFile) {
  const auto rule = split_rule(Settings());
  ASSERT_TRUE(rule.ok());
  EXPECT_EQ(rule->recording, 0u);
}

TEST(SplitRule, LimitsAreHandedOverUnderANumberOfTheRecording) {
  const auto rule = rule_of({.size = "1M", .time = "90s", .keep = "3"});
  ASSERT_TRUE(rule.ok());
  EXPECT_NE(rule->recording, 0u);
  EXPECT_EQ(rule->bytes, 1u << 20);
  EXPECT_EQ(rule->time_ns, 90'000'000'000u);
  EXPECT_EQ(rule->keep, 3u);
  const auto other = rule_of({.time = "1s"});
  ASSERT_TRUE(other.ok());
  EXPECT_NE(other->recording, rule->recording);
  EXPECT_EQ(other->bytes, 0u);
}

TEST(SplitRule, WhatCannotBeKeptIsRefused) {
  struct Refused {
    Given given;
    const char* wanted;
  };
  const Refused refused[] = {
      {{.keep = "3"}, "add --split-size or --split-time"},
      {{.size = "16383"}, "write 16K or more"},
      {{.time = "999ms"}, "write 1s or more"},
      {{.size = "1M", .time = "1ms"}, "write 1s or more"},
  };
  for (const auto& [given, wanted] : refused) {
    const auto rule = rule_of(given);
    ASSERT_FALSE(rule.ok()) << wanted;
    EXPECT_EQ(rule.error().code, ErrorCode::kUsage);
    EXPECT_NE(std::string(rule.error().message).find(wanted), std::string::npos)
        << rule.error().message;
  }
}

}  // namespace
}  // namespace terrace::cli::split_rule_test
