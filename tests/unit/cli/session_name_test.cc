// SPDX-License-Identifier: Apache-2.0
#include "tiering/cli/session_name.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "tests/temporary_folder.h"

namespace terrace::cli::session_name_test {
namespace {

namespace fs = std::filesystem;

class SessionName : public testing::Test {
 protected:
  std::string in(const std::string& name) const { return folder_.in(name); }
  void touch(const std::string& name) const { folder_.write(name, "x"); }

  const testing_support::TemporaryFolder folder_;
};

TEST_F(SessionName, PlainNameStaysAsItIs) {
  const auto pattern = session_pattern("a.session", "host");
  ASSERT_TRUE(pattern.ok());
  EXPECT_EQ(*pattern, "a.session");
  EXPECT_FALSE(names_process(*pattern));
  EXPECT_EQ(session_path(*pattern, 7), "a.session");
}

TEST_F(SessionName, HostIsPutInAndTheProcessIsLeftToTheRuntime) {
  const auto pattern = session_pattern("%h-%p-%%.session", "lab1");
  ASSERT_TRUE(pattern.ok());
  EXPECT_EQ(*pattern, "lab1-%p-%%.session");
  EXPECT_TRUE(names_process(*pattern));
  EXPECT_EQ(session_path(*pattern, 42), "lab1-42-%.session");
}

TEST_F(SessionName, PercentSignInTheHostsNameStaysOne) {
  const auto pattern = session_pattern("%h", "a%p");
  ASSERT_TRUE(pattern.ok());
  EXPECT_EQ(session_path(*pattern, 1), "a%p");
}

TEST_F(SessionName, NumberIsTheLowestThatIsFree) {
  touch("s0.session");
  touch("s1.session");
  touch("s3.session");
  const auto pattern = session_pattern(in("s%n.session"), "host");
  ASSERT_TRUE(pattern.ok());
  EXPECT_EQ(*pattern, in("s2.session"));
}

TEST_F(SessionName, NumberIsTakenByTheFilesOfASplitRecording) {
  touch("s0.000003.session");
  const auto pattern = session_pattern(in("s%n.session"), "host");
  ASSERT_TRUE(pattern.ok());
  EXPECT_EQ(*pattern, in("s1.session"));
}

TEST_F(SessionName, NumberIsTakenWhenAnyProcessHasIt) {
  touch("s0-1234.session");
  const auto pattern = session_pattern(in("s%n-%p.session"), "host");
  ASSERT_TRUE(pattern.ok());
  EXPECT_EQ(*pattern, in("s1-%p.session"));
}

TEST_F(SessionName, UnknownEscapeIsRefusedWithItsPlace) {
  const auto unknown = session_pattern("ab%d.session", "host");
  ASSERT_FALSE(unknown.ok());
  EXPECT_EQ(unknown.error().code, ErrorCode::kUsage);
  EXPECT_NE(std::string(unknown.error().message).find("character 3"), std::string::npos)
      << unknown.error().message;
  EXPECT_FALSE(session_pattern("a%", "host").ok());
}

TEST_F(SessionName, FolderWithAPercentSignIsNoPattern) {
  const fs::path before = fs::current_path();
  fs::create_directory(in("100%p"));
  fs::current_path(in("100%p"));
  EXPECT_EQ(session_path(absolute_pattern("a-%p"), 5), in("100%p/a-5"));
  EXPECT_EQ(absolute_pattern(""), "");
  EXPECT_EQ(absolute_pattern("/x/%p"), "/x/%p");
  fs::current_path(before);
}

}  // namespace
}  // namespace terrace::cli::session_name_test
