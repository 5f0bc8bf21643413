// SPDX-License-Identifier: Apache-2.0
#include "allocators/base/count_of.h"

#include <gtest/gtest.h>

namespace terrace::count_of_test {
namespace {

TEST(CountOf, OneStandsAloneAndNoneIsMany) {
  EXPECT_EQ(count_of(0, "object"), "0 objects");
  EXPECT_EQ(count_of(1, "object"), "1 object");
  EXPECT_EQ(count_of(2, "object"), "2 objects");
  EXPECT_EQ(count_of(~std::uint64_t{0}, "block"), "18446744073709551615 blocks");
}

TEST(CountOf, TheEndAloneIsForFormatsThatMayNotAllocate) {
  EXPECT_STREQ(plural_end(0), "s");
  EXPECT_STREQ(plural_end(1), "");
  EXPECT_STREQ(plural_end(2), "s");
}

}  // namespace
}  // namespace terrace::count_of_test
