// SPDX-License-Identifier: Apache-2.0
#include "tiering/cli/preload_library.h"

#include <stdlib.h>

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace terrace::cli::preload_library_test {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

TEST(PreloadLibrary, GoesBeforeWhatTheUserPreloads) {
  const auto environment = with_preload({"A=1", "LD_PRELOAD=/x/libjemalloc.so:/y/b.so"},
                                        "/t/libterrace-preload.so", "/f");
  EXPECT_THAT(environment, UnorderedElementsAre(
                               "A=1", "TERRACE_PLAN_FILE=/f",
                               "LD_PRELOAD=/t/libterrace-preload.so:/x/libjemalloc.so:/y/b.so"));
}

TEST(PreloadLibrary, IsNotListedTwiceWhenRunsNest) {
  const auto environment =
      with_preload({"LD_PRELOAD=/old/libterrace-preload.so:/y/b.so", "TERRACE_PLAN_FILE=/old"},
                   "/t/p.so", "/new");
  EXPECT_THAT(environment,
              UnorderedElementsAre("LD_PRELOAD=/t/p.so:/y/b.so", "TERRACE_PLAN_FILE=/new"));
}

TEST(PreloadLibrary, LeavesVariablesOfALongerNameAlone) {
  EXPECT_THAT(with_preload({"LD_PRELOAD_X=1"}, "/t/p.so", "/f"), Contains("LD_PRELOAD_X=1"));
}

TEST(PreloadLibrary, IsTakenFromTheVariable) {
  const std::string path = ::testing::TempDir() + "/named-preload.so";
  std::ofstream(path) << "x";
  setenv("TERRACE_PRELOAD", path.c_str(), 1);
  const auto found = find_preload_library();
  ASSERT_TRUE(found.ok()) << found.error().message;
  EXPECT_EQ(*found, path);

  setenv("TERRACE_PRELOAD", "/nowhere/p.so", 1);
  const auto missing = find_preload_library();
  ASSERT_FALSE(missing.ok());
  EXPECT_THAT(missing.error().message, HasSubstr("correct TERRACE_PRELOAD"));

  const std::string blank = ::testing::TempDir() + "/a b.so";
  std::ofstream(blank) << "x";
  setenv("TERRACE_PRELOAD", blank.c_str(), 1);
  const auto refused = find_preload_library();
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kUsage);
  unsetenv("TERRACE_PRELOAD");
}

}  // namespace
}  // namespace terrace::cli::preload_library_test
