// SPDX-License-Identifier: Apache-2.0
// Damaged contents of the kernel's ring buffer: records are walked as the source does, nothing is
// read beyond its end, and what is taken is what a record of that length can hold.
#include <gtest/gtest.h>

#include "tests/fuzz/good_ring.h"
#include "tests/fuzz/inputs.h"
#include "tests/fuzz/mutate.h"

namespace terrace::sources {
namespace {

TEST(FuzzSampleRecord, DamageIsNoticedOrHarmless) {
  const std::string whole = fuzz::good_ring();
  ASSERT_EQ(fuzz::sample_record_input(whole), 20);
  fuzz::Mutator mutator(fuzz::logged_seed());
  int cut_short = 0;
  for (int round = 0; round < 50000; ++round) {
    cut_short += fuzz::sample_record_input(mutator.damaged_bytes(whole)) < 20 ? 1 : 0;
  }
  EXPECT_GT(cut_short, 0);
}

}  // namespace
}  // namespace terrace::sources
