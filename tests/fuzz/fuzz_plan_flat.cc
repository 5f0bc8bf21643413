// SPDX-License-Identifier: Apache-2.0
// Damaged flat files, as they are and with a fresh checksum, so that the checks behind it are met.
#include <gtest/gtest.h>

#include "tests/fuzz/good_flat_plan.h"
#include "tests/fuzz/inputs.h"
#include "tests/fuzz/mutate.h"

namespace terrace::runtime::fuzz_plan_flat {
namespace {

TEST(FuzzPlanFlat, WhatPassesIsSafeToFollow) {
  const std::string whole = fuzz::good_flat_plan();
  ASSERT_TRUE(fuzz::plan_flat_input(whole));
  fuzz::Mutator mutator(fuzz::logged_seed());
  for (int round = 0; round < 20000 && !testing::Test::HasFailure(); ++round) {
    fuzz::plan_flat_input(mutator.damaged_bytes(whole));
  }
}

}  // namespace
}  // namespace terrace::runtime::fuzz_plan_flat
