// SPDX-License-Identifier: Apache-2.0
#include "profiler/report/words.h"

#include <gtest/gtest.h>

namespace terrace::report::words_test {
namespace {

TEST(Words, ALineIsCutToItsWidthAndEndsInNoBlanks) {
  EXPECT_EQ(line_of("ab  ", 10), "ab\n");
  EXPECT_EQ(line_of("abcdef", 5), "abc..\n");
  EXPECT_EQ(line_of("äöü", 3), "äöü\n") << "columns, not bytes";
  EXPECT_EQ(line_of("   ", 10), "\n");
  EXPECT_EQ(line_of("", 10), "\n");
}

}  // namespace
}  // namespace terrace::report::words_test
