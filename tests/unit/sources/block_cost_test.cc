// SPDX-License-Identifier: Apache-2.0
#include "profiler/sources/block_cost.h"

#include <gtest/gtest.h>

namespace terrace::sources::block_cost_test {
namespace {

TEST(BlockCost, OfABlockInSmallPagesIsMoreThanNothing) {
  const Result<BlockCost> cost = measure_block_cost(os::PageKind::kSmall);
  ASSERT_TRUE(cost.ok()) << cost.error().message;
  EXPECT_GT(cost->faulted, Nanoseconds(100));
}

TEST(BlockCost, OfAHugePageIsTheSmallerOneAndLessWherePutBack) {
  if (!os::huge_pages_available(kBlockBytes)) {
    GTEST_SKIP() << "missing capability: one huge page (vm.nr_overcommit_hugepages)";
  }
  const Result<BlockCost> huge = measure_block_cost(os::PageKind::kHuge);
  const Result<BlockCost> small = measure_block_cost(os::PageKind::kSmall);
  ASSERT_TRUE(huge.ok() && small.ok());
  EXPECT_LT(huge->faulted, small->faulted);
  EXPECT_LT(huge->put_back, small->faulted);
}

}  // namespace
}  // namespace terrace::sources::block_cost_test
