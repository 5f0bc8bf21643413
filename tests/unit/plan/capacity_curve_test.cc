// SPDX-License-Identifier: Apache-2.0
#include "tiering/plan/capacity_curve.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "tests/unit/plan/heat_fixture.h"

namespace terrace::plan::capacity_curve_test {
namespace {

using fixture::dense_heat;
using fixture::make_machine;
using fixture::make_tier;

TEST(CapacityCurve, MoreOfTheFastTierNeverMakesTheStepLonger) {
  const Topology machine = make_machine({make_tier("ddr", 40, 10), make_tier("cxl", 400, 2)});
  const auto curve = capacity_curve(dense_heat(machine, 160, 9), machine, {}, 9);
  ASSERT_TRUE(curve.ok()) << curve.error().message;
  ASSERT_GE(curve->size(), 9u);
  for (std::size_t i = 1; i < curve->size(); ++i) {
    EXPECT_GT((*curve)[i].fast, (*curve)[i - 1].fast);
    EXPECT_LE((*curve)[i].planned, (*curve)[i - 1].planned * 1.001);
  }
  for (const CapacityStep& step : *curve) EXPECT_LE(step.planned, step.first_touch * 1.001);
  EXPECT_TRUE(std::any_of(curve->begin(), curve->end(), [](const CapacityStep& step) {
    return step.fast == Bytes(40 * kBlockBytes.value);
  }));
}

TEST(CapacityCurve, CapacitiesThatDoNotHoldTheObjectsAreLeftOut) {
  const Topology machine = make_machine({make_tier("ddr", 140, 10), make_tier("cxl", 40, 2)});
  const auto curve = capacity_curve(dense_heat(machine, 160, 9), machine, {}, 9);
  ASSERT_TRUE(curve.ok()) << curve.error().message;
  EXPECT_GE(curve->front().fast, Bytes(120 * kBlockBytes.value));
}

TEST(CapacityCurve, OneTierHasNoCurveAndTheErrorSaysWhatToDo) {
  const Topology machine = make_machine({make_tier("ddr", 400, 10)});
  const auto curve = capacity_curve(dense_heat(machine, 160, 9), machine, {}, 9);
  ASSERT_FALSE(curve.ok());
  EXPECT_NE(std::string(curve.error().message).find("--tiers"), std::string::npos);
}

}  // namespace
}  // namespace terrace::plan::capacity_curve_test
