// SPDX-License-Identifier: Apache-2.0
#include "allocators/base/text.h"

#include <gtest/gtest.h>

#include <string>

namespace terrace::text_test {
namespace {

TEST(Text, TrimmingTakesBlanksAtTheEndsOnly) {
  EXPECT_EQ(trimmed(" \t a b\r\n"), "a b");
  EXPECT_EQ(trimmed("a"), "a");
  EXPECT_EQ(trimmed(" \n"), "");
  EXPECT_EQ(trimmed(""), "");
}

TEST(Text, MessagesShowSixtyCharacters) {
  EXPECT_EQ(shown("abc"), 3);
  EXPECT_EQ(shown(std::string(1000, 'x')), 60);
}

}  // namespace
}  // namespace terrace::text_test
