// SPDX-License-Identifier: Apache-2.0
#include "tiering/cli/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace terrace::cli::command_line_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string flag_text(const CommandLine& line, OptionId option) {
  for (const GivenFlag& flag : line.flags) {
    if (flag.option.index() == option.index()) return flag.text;
  }
  return "not given";
}

std::string error_of(const std::vector<std::string>& arguments) {
  const auto line = parse_command_line(arguments);
  return line.ok() ? "no error" : line.error().message;
}

TEST(CommandLine, TakesEverythingAfterTheProgramAsItsOwn) {
  const auto line =
      parse_command_line({"run", "--policy", "weighted", "-v", "prog", "-v", "--bind", "--"});
  ASSERT_TRUE(line.ok()) << line.error().message;
  EXPECT_THAT(line->command, ElementsAre("prog", "-v", "--bind", "--"));
  EXPECT_EQ(flag_text(*line, "policy"), "weighted");
  EXPECT_EQ(flag_text(*line, "verbose"), "true");
  EXPECT_EQ(flag_text(*line, "bind"), "not given");
}

TEST(CommandLine, TakesTheProgramAfterTwoDashes) {
  const auto line = parse_command_line({"record", "-o", "a.session", "--", "--odd-name", "x"});
  ASSERT_TRUE(line.ok()) << line.error().message;
  EXPECT_THAT(line->command, ElementsAre("--odd-name", "x"));
  EXPECT_EQ(flag_text(*line, "output"), "a.session");
}

TEST(CommandLine, UnderstandsGluedValues) {
  const auto line = parse_command_line(
      {"record", "-qoa.session", "--threshold=2M", "--materialize=false", "prog"});
  ASSERT_TRUE(line.ok()) << line.error().message;
  EXPECT_THAT(line->command, ElementsAre("prog"));
  EXPECT_EQ(flag_text(*line, "output"), "a.session");
  EXPECT_EQ(flag_text(*line, "quiet"), "true");
  EXPECT_EQ(flag_text(*line, "threshold"), "2M");
  EXPECT_EQ(flag_text(*line, "materialize"), "false");
}

TEST(CommandLine, LetsTheLastOfARepeatedFlagWin) {
  const auto line = parse_command_line({"run", "--bind", "off", "--bind", "strict", "prog"});
  ASSERT_TRUE(line.ok()) << line.error().message;
  EXPECT_EQ(flag_text(*line, "bind"), "strict");
}

TEST(CommandLine, TakesTheArgumentOfAVerb) {
  const auto line = parse_command_line({"plan", "--json", "a.session"});
  ASSERT_TRUE(line.ok()) << line.error().message;
  EXPECT_EQ(line->argument, "a.session");
  EXPECT_THAT(line->command, IsEmpty());
}

TEST(CommandLine, NamesTheNearestVerbAndOption) {
  EXPECT_EQ(error_of({"rnu", "prog"}), "unknown verb \"rnu\"; did you mean \"run\"?");
  EXPECT_EQ(error_of({"run", "--polcy=none", "prog"}),
            "unknown option --polcy; did you mean --policy?");
  EXPECT_THAT(error_of({"run", "--xyzzy", "prog"}), HasSubstr("`terrace help run`"));
  EXPECT_THAT(error_of({"topo", "extra"}), HasSubstr("unexpected argument \"extra\""));
}

TEST(CommandLine, RefusesWhatIsIncomplete) {
  EXPECT_THAT(error_of({}), HasSubstr("no verb"));
  EXPECT_THAT(error_of({"run"}), HasSubstr("no program"));
  EXPECT_THAT(error_of({"run", "--"}), HasSubstr("no program"));
  EXPECT_THAT(error_of({"topo", "--tiers"}), HasSubstr("--tiers"));
}

TEST(CommandLine, AnswersHelpAndVersion) {
  EXPECT_THAT(parse_command_line({"--version"})->answer, HasSubstr("terrace 0."));
  EXPECT_THAT(parse_command_line({"help"})->answer, HasSubstr("doctor"));
  EXPECT_THAT(parse_command_line({"help", "run"})->answer, HasSubstr("--huge-pages"));
  EXPECT_THAT(parse_command_line({"run", "--help"})->answer, HasSubstr("run [OPTIONS] [--] CMD"));
  EXPECT_EQ(error_of({"help", "reprot"}), "unknown verb \"reprot\"; did you mean \"report\"?");
}

TEST(CommandLine, KnowsWhichVerbsWrapAProgram) {
  EXPECT_TRUE(is_wrapper_call({"run"}));
  EXPECT_TRUE(is_wrapper_call({"record", "x"}));
  EXPECT_FALSE(is_wrapper_call({"plan"}));
  EXPECT_FALSE(is_wrapper_call({}));
}

}  // namespace
}  // namespace terrace::cli::command_line_test
