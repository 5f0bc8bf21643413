// SPDX-License-Identifier: Apache-2.0
#include "tiering/cli/load_settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/temporary_folder.h"

namespace terrace::cli::load_settings_test {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class LoadSettings : public ::testing::Test {
 protected:
  std::string write(const std::string& name, const std::string& text) const {
    return folder_.write(name, text);
  }
  static std::string only_problem(const LoadedSettings& loaded) {
    return loaded.problems.size() == 1 ? loaded.problems[0].message : "not one problem";
  }

  const testing_support::TemporaryFolder folder_;
};

TEST_F(LoadSettings, LetTheLaterSourceWin) {
  SettingSources sources;
  sources.files = {write("system.toml", "policy = \"interleave\"\nbind = \"off\"\nstrict = true\n"),
                   write("user.toml", "bind = \"strict\"\nthreshold = \"2M\"\n"),
                   write("project.toml", "threshold = 4096\n")};
  sources.conf = "threshold:8M,window-hz:4";
  LoadedSettings loaded = load_settings(sources);
  ASSERT_TRUE(loaded.problems.empty()) << loaded.problems[0].message;
  ASSERT_TRUE(apply_flags(loaded.settings, {{"window-hz", "2"}}).ok());

  const Settings& settings = loaded.settings;
  EXPECT_EQ(settings.text("policy"), "interleave");
  EXPECT_EQ(settings.text("bind"), "strict");
  EXPECT_EQ(settings.size("threshold").value, MiB(8).value);
  EXPECT_EQ(settings.integer("window-hz"), 2u);
  EXPECT_TRUE(settings.flag("strict"));
  EXPECT_EQ(settings.place("policy"), sources.files[0] + ":1");
  EXPECT_EQ(settings.place("threshold"), "TERRACE_CONF");
  EXPECT_EQ(settings.place("window-hz"), "--window-hz");
}

TEST_F(LoadSettings, NameTheLineOfAnUnknownKeyAndTheNearestOne) {
  const std::string path = write("a.toml", "# a comment\n\nbind = \"off\"\npolcy = \"none\"\n");
  const LoadedSettings loaded = load_settings({{path}, ""});
  EXPECT_EQ(only_problem(loaded), path + ":4: unknown key \"polcy\"; did you mean \"policy\"?");
  EXPECT_EQ(loaded.settings.text("bind"), "off") << "what was well-formed is in force";
}

TEST_F(LoadSettings, NameTheLineOfABadValue) {
  const std::string path = write("a.toml", "\nthreshold = \"4 lemons\"\n");
  EXPECT_THAT(only_problem(load_settings({{path}, ""})), StartsWith(path + ":2: threshold: "));
}

TEST_F(LoadSettings, RefuseTablesListsAndFlagsOfOneCall) {
  const std::string list = write("list.toml", "policy = [\"none\"]\n");
  EXPECT_EQ(only_problem(load_settings({{list}, ""})), list + ":1: policy: one value is expected");
  const std::string table = write("table.toml", "[run]\npolicy = \"none\"\n");
  EXPECT_THAT(only_problem(load_settings({{table}, ""})), HasSubstr(":1: unknown key \"run\""));
  const std::string flag = write("flag.toml", "output = \"x\"\n");
  EXPECT_THAT(only_problem(load_settings({{flag}, ""})), HasSubstr("only be given as the flag"));
}

TEST_F(LoadSettings, NameTheLineWhereAFileIsNoToml) {
  const std::string path = write("a.toml", "policy = \"none\"\nbind = \n");
  EXPECT_THAT(only_problem(load_settings({{path}, ""})), StartsWith(path + ":2: not TOML"));
}

TEST_F(LoadSettings, PassOverFilesThatDoNotExist) {
  EXPECT_TRUE(load_settings({{folder_.in("none.toml")}, ""}).problems.empty());
}

TEST_F(LoadSettings, TakeFileNamesAsRelativeToTheirFile) {
  const std::string path = write("a.toml", "tiers = \"mine.toml\"\nplan = \"/abs/plan.json\"\n");
  const LoadedSettings loaded = load_settings({{path}, ""});
  EXPECT_EQ(loaded.settings.text("tiers"), folder_.in("mine.toml"));
  EXPECT_EQ(loaded.settings.text("plan"), "/abs/plan.json");
}

TEST_F(LoadSettings, ReadTheEnvironmentsList) {
  const LoadedSettings loaded = load_settings({{}, "strict,plan:/a\\,b:c.json,,policy:none"});
  ASSERT_TRUE(loaded.problems.empty()) << loaded.problems[0].message;
  EXPECT_TRUE(loaded.settings.flag("strict"));
  EXPECT_EQ(loaded.settings.text("plan"), "/a,b:c.json");
  EXPECT_EQ(loaded.settings.text("policy"), "none");
}

TEST_F(LoadSettings, NameTheEnvironmentAsThePlaceOfAProblem) {
  EXPECT_EQ(only_problem(load_settings({{}, "thresholt:1M"})),
            "TERRACE_CONF: unknown key \"thresholt\"; did you mean \"threshold\"?");
  EXPECT_EQ(only_problem(load_settings({{}, "policy"})),
            "TERRACE_CONF: policy: no value; write policy:VALUE");
  EXPECT_THAT(only_problem(load_settings({{}, "nothing-like-it:3"})), EndsWith("lists the keys"));
}

TEST_F(LoadSettings, NameTheFlagWithABadValue) {
  LoadedSettings loaded = load_settings({});
  const Status refused = apply_flags(loaded.settings, {{"bind", "hard"}});
  ASSERT_FALSE(refused.ok());
  EXPECT_STREQ(refused.error().message, "--bind: \"hard\" is none of off, advisory, strict");
}

}  // namespace
}  // namespace terrace::cli::load_settings_test
