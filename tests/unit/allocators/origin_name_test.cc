// SPDX-License-Identifier: Apache-2.0
#include "allocators/base/origin_name.h"

#include <gtest/gtest.h>

namespace terrace {
namespace {

TEST(OriginName, EachHasAWordAndANumberFromAFileMayHaveNone) {
  EXPECT_STREQ(name_of(Origin::kHeap), "heap");
  EXPECT_STREQ(name_of(Origin::kAnonymous), "anonymous");
  EXPECT_STREQ(name_of(Origin::kFile), "file");
  EXPECT_STREQ(name_of(static_cast<Origin>(3)), "unknown");
}

}  // namespace
}  // namespace terrace
