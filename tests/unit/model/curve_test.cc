// SPDX-License-Identifier: Apache-2.0
#include "tiering/model/curve.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace terrace::model::curve_test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

CurveSeries reads_only() {
  return {1.0, {{0, 100}, {100, 110}, {200, 200}}, "t.toml:7"};
}
CurveSeries half_writes() {
  return {0.5, {{0, 100}, {100, 150}}, "t.toml:9"};
}

void expect_refused(std::vector<CurveSeries> series, const char* reason) {
  const auto curve = LatencyCurve::make(std::move(series));
  ASSERT_FALSE(curve.ok()) << reason;
  EXPECT_EQ(curve.error().code, ErrorCode::kUsage);
  EXPECT_THAT(curve.error().message, HasSubstr(reason));
}

TEST(LatencyCurve, InterpolatesBetweenPointsAndShares) {
  const auto curve = LatencyCurve::make({reads_only(), half_writes()});
  ASSERT_TRUE(curve.ok()) << curve.error().message;
  EXPECT_DOUBLE_EQ(curve->bandwidth_at(1).value, 200);
  EXPECT_DOUBLE_EQ(curve->bandwidth_at(0.75).value, 150);
  EXPECT_DOUBLE_EQ(curve->latency_ns_at(1, GBps(50)), 105);
  EXPECT_DOUBLE_EQ(curve->latency_ns_at(1, GBps(150)), 155);
  EXPECT_DOUBLE_EQ(curve->latency_ns_at(0.75, GBps(100)), 130);
  EXPECT_DOUBLE_EQ(curve->idle_latency_ns(0.75), 100);
}

TEST(LatencyCurve, KeepsTheNearestBeyondWhatWasMeasured) {
  const auto curve = LatencyCurve::make({half_writes(), reads_only()});
  ASSERT_TRUE(curve.ok());
  EXPECT_DOUBLE_EQ(curve->bandwidth_at(0.1).value, 100);
  EXPECT_DOUBLE_EQ(curve->latency_ns_at(1, GBps(1000)), 200);
}

TEST(LatencyCurve, RefusesACurveThatGoesBackOnItself) {
  CurveSeries series = reads_only();
  series.points[2].gbps = 99;
  expect_refused({series}, "point 3: its bandwidth goes back");
  series = reads_only();
  series.points[2].latency_ns = 109;
  expect_refused({series}, "point 3: its latency falls under more load");
  const auto named = LatencyCurve::make({series});
  EXPECT_THAT(named.error().message, StartsWith("t.toml:7: "));
}

TEST(LatencyCurve, RefusesWhatIsNoCurve) {
  expect_refused({}, "no points");
  expect_refused({{1.0, {{0, 100}}, "t"}}, "1 points; give two");
  expect_refused({{1.5, {{0, 100}, {1, 100}}, "t"}}, "a read share of 1.5");
  expect_refused({{1.0, {{-1, 100}, {1, 100}}, "t"}}, "point 1");
  expect_refused({{1.0, {{0, 0}, {1, 100}}, "t"}}, "point 1");
  const double none = std::numeric_limits<double>::quiet_NaN();
  expect_refused({{1.0, {{0, 100}, {none, 100}}, "t"}}, "point 2");
  expect_refused({{none, {{0, 100}, {1, 100}}, "t"}}, "read share");
  expect_refused({reads_only(), reads_only()}, "the read share 1 is there already");
}

}  // namespace
}  // namespace terrace::model::curve_test
