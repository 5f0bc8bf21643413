// SPDX-License-Identifier: Apache-2.0
#include "tiering/cli/settings.h"

#include <gtest/gtest.h>

#include "tiering/cli/load_settings.h"

namespace terrace::cli::settings_test {
namespace {

TEST(OptionTable, BuiltInValuesPassTheirOwnChecks) {
  for (const OptionSpec& spec : kOptions) {
    if (spec.fallback.empty()) continue;
    EXPECT_TRUE(check_value(spec, spec.fallback).ok()) << spec.key;
  }
}

TEST(OptionTable, KeysAndLettersAreUniqueAndEveryRowIsWhole) {
  for (std::size_t i = 0; i < kOptions.size(); ++i) {
    const OptionSpec& spec = kOptions[i];
    EXPECT_EQ(find_option(spec.key), i) << spec.key << " occurs twice";
    EXPECT_NE(spec.verbs, 0u) << spec.key;
    EXPECT_FALSE(spec.help.empty()) << spec.key;
    EXPECT_EQ(spec.help.find('|'), std::string_view::npos)
        << "would end a table cell: " << spec.key;
    EXPECT_EQ(spec.type == OptionType::kFlag, spec.unit.empty()) << spec.key;
    EXPECT_EQ(spec.type == OptionType::kChoice, !spec.choices.empty()) << spec.key;
    for (std::size_t j = 0; j < i; ++j)
      EXPECT_TRUE(spec.letter == 0 || spec.letter != kOptions[j].letter) << spec.key;
  }
}

TEST(Settings, StartAtTheBuiltInValues) {
  const Settings settings;
  EXPECT_EQ(settings.text("policy"), "first-touch");
  EXPECT_EQ(settings.size("threshold").value, MiB(1).value);
  EXPECT_EQ(settings.duration("late-age").value, 250'000'000u);
  EXPECT_DOUBLE_EQ(settings.fraction("margin"), 0.15);
  EXPECT_EQ(settings.integer("window-hz"), 64u);
  EXPECT_EQ(settings.text("materialize"), "auto");
  EXPECT_EQ(settings.duration("file-return-age").value, 10'000'000'000u);
  EXPECT_FALSE(settings.flag("strict"));
  EXPECT_FALSE(settings.given("policy"));
  EXPECT_EQ(settings.place("policy"), "built-in");
}

TEST(Settings, KeepTheOldValueWhenTheNewOneIsBad) {
  Settings settings;
  ASSERT_TRUE(settings.set("policy", "weighted", "a.toml:1").ok());
  const Status refused = settings.set("policy", "wieghted", "b.toml:7");
  ASSERT_FALSE(refused.ok());
  EXPECT_STREQ(refused.error().message,
               "b.toml:7: policy: \"wieghted\" is none of first-touch, interleave, weighted, none; "
               "did you mean \"weighted\"?");
  EXPECT_EQ(refused.error().code, ErrorCode::kUsage);
  EXPECT_EQ(settings.text("policy"), "weighted");
  EXPECT_EQ(settings.place("policy"), "a.toml:1");
}

TEST(Settings, TakeWhatMaterializeWasBeforeAndSaySo) {
  Settings settings;
  ASSERT_TRUE(settings.set("materialize", "false", "a.toml:3").ok());
  EXPECT_EQ(settings.text("materialize"), "never");
  ASSERT_TRUE(settings.set("materialize", "true", "--materialize").ok());
  EXPECT_EQ(settings.text("materialize"), "always");
  ASSERT_EQ(settings.notes().size(), 2u);
  EXPECT_EQ(settings.notes()[0],
            "a.toml:3: materialize: \"false\" is taken as \"never\"; write that (docs/options.md)");
  EXPECT_EQ(settings.notes()[1],
            "--materialize: \"true\" is taken as \"always\"; write that (docs/options.md)");
  EXPECT_FALSE(settings.set("materialize", "sometimes", "a.toml:4").ok());
}

TEST(Settings, RefuseValuesOfTheWrongType) {
  Settings settings;
  EXPECT_FALSE(settings.set("threshold", "many", "f:1").ok());
  EXPECT_FALSE(settings.set("threshold", "", "f:1").ok());
  EXPECT_FALSE(settings.set("late-age", "250", "f:1").ok());
  EXPECT_FALSE(settings.set("margin", "-1%", "f:1").ok());
  EXPECT_FALSE(settings.set("margin", "nan", "f:1").ok());
  EXPECT_FALSE(settings.set("margin", "101%", "f:1").ok());
  EXPECT_FALSE(settings.set("window-hz", "8.5", "f:1").ok());
  EXPECT_FALSE(settings.set("window-hz", "4294967296", "f:1").ok());
  EXPECT_FALSE(settings.set("strict", "yes", "f:1").ok());
  EXPECT_FALSE(settings.set("tiers", "", "f:1").ok());
}

TEST(Settings, CheckRulesWhereTheyAreWritten) {
  Settings settings;
  EXPECT_TRUE(settings.set("pin", "weights*=dram,origin:heap=cxl", "f:1").ok());
  const Status refused = settings.set("forbid", "origin:stack=dram", "f:2");
  ASSERT_FALSE(refused.ok());
  EXPECT_STREQ(refused.error().message,
               "f:2: forbid: \"origin:stack\" is no origin; origins are heap, anonymous and file");
}

TEST(Settings, TakeAShareEitherWay) {
  EXPECT_DOUBLE_EQ(parse_percent("15%").value(), 0.15);
  EXPECT_DOUBLE_EQ(parse_percent("0.15").value(), 0.15);
  EXPECT_DOUBLE_EQ(parse_percent("100%").value(), 1.0);
  EXPECT_DOUBLE_EQ(parse_percent("0").value(), 0.0);
}

}  // namespace
}  // namespace terrace::cli::settings_test
