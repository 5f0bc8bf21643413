// SPDX-License-Identifier: Apache-2.0
#include "profiler/sources/fault_cost.h"

#include <gtest/gtest.h>

namespace terrace::sources {
namespace {

TEST(FaultCost, OfABlockInSmallPagesIsMoreThanNothingAndLessThanAMillisecond) {
  const Result<Nanoseconds> cost = measure_fault_cost(os::PageKind::kSmall);
  ASSERT_TRUE(cost.ok()) << cost.error().message;
  EXPECT_GT(*cost, Nanoseconds(100));
  EXPECT_LT(*cost, milliseconds(1));
}

TEST(FaultCost, OfAHugePageIsTheCheaperOne) {
  if (!os::huge_pages_available(kBlockBytes)) {
    GTEST_SKIP() << "missing capability: one huge page (vm.nr_overcommit_hugepages)";
  }
  const Result<Nanoseconds> huge = measure_fault_cost(os::PageKind::kHuge);
  const Result<Nanoseconds> small = measure_fault_cost(os::PageKind::kSmall);
  ASSERT_TRUE(huge.ok() && small.ok());
  EXPECT_LT(*huge, *small);
}

}  // namespace
}  // namespace terrace::sources
