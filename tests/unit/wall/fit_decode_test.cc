// SPDX-License-Identifier: Apache-2.0
#include "tiering/wall/fit_decode.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tiering/wall/minimise.h"

namespace terrace::wall::fit_decode_test {
namespace {

SpeedPoint point(const std::string& hardware, KernelClass kernels, FormatFamily family,
                 double peak_gbps, double bytes, double layers) {
  SpeedPoint made;
  made.hardware = hardware;
  made.label = hardware;
  made.demand.kernels = kernels;
  made.demand.family = family;
  made.demand.peak_gbps = peak_gbps;
  made.demand.dense_bytes = bytes;
  made.demand.layers = layers;
  return made;
}

/// Points of six machines, whose speeds are exactly what these constants predict.
std::vector<SpeedPoint> points_made_by(const DecodeFit& truth) {
  std::vector<SpeedPoint> points;
  const auto add = [&](const std::string& name, KernelClass kernels, double peak) {
    for (const FormatFamily family : {FormatFamily::kPlain, FormatFamily::kNested}) {
      points.push_back(point(name, kernels, family, peak, 4e9, 32));
      points.push_back(point(name, kernels, family, peak, 40e9, 80));
    }
  };
  add("small gpu", KernelClass::kGpu, 400);
  add("gpu", KernelClass::kGpu, 900);
  add("big gpu", KernelClass::kGpu, 2000);
  add("bigger gpu", KernelClass::kGpu, 3000);
  add("laptop", KernelClass::kMetal, 300);
  add("server", KernelClass::kHost, 500);
  for (SpeedPoint& one : points) one.tokens_per_second = 1 / decode_seconds(truth, one.demand);
  return points;
}

TEST(FitDecode, FindsTheConstantsThatMadeThePoints) {
  const DecodeFit truth{0.7, 0.4, 800, 80e-6, 0};
  const DecodeFit fit = fit_decode(points_made_by(truth), Form::kFull);
  EXPECT_NEAR(fit.hidden_share, truth.hidden_share, 0.02);
  EXPECT_NEAR(fit.unpacking_share, truth.unpacking_share, 0.02);
  EXPECT_NEAR(fit.knee_gbps, truth.knee_gbps, 60);
  EXPECT_NEAR(fit.layer_seconds, truth.layer_seconds, 10e-6);
}

TEST(FitDecode, PredictsLeftOutHardwareOfTheSameKind) {
  const auto validation = validate_left_out(points_made_by({0.7, 0.4, 800, 80e-6, 0}), Form::kFull);
  ASSERT_TRUE(validation.ok());
  EXPECT_EQ(validation->points.size(), 24u);
  EXPECT_LT(validation->mean_absolute_error, 0.03);
}

TEST(FitDecode, SimplerFormsCannotFollowWhatTheyLeaveOut) {
  const std::vector<SpeedPoint> points = points_made_by({0.7, 0.4, 800, 80e-6, 0});
  for (const Form form : all_forms()) {
    const double error = validate(points, fit_decode(points, form)).mean_absolute_error;
    if (form == Form::kFull) {
      EXPECT_LT(error, 0.03);
    } else {
      EXPECT_GT(error, 0.08) << name_of(form);
    }
  }
}

TEST(FitDecode, OneOddMachineDoesNotBendTheOthers) {
  const DecodeFit truth{0.7, 0.4, 800, 80e-6, 0};
  std::vector<SpeedPoint> points = points_made_by(truth);
  SpeedPoint odd = point("odd", KernelClass::kGpu, FormatFamily::kPlain, 500, 4e9, 32);
  odd.tokens_per_second = 0.2 / decode_seconds(truth, odd.demand);
  points.push_back(odd);
  EXPECT_NEAR(fit_decode(points, Form::kFull).hidden_share, 0.7, 0.04);
}

TEST(FitDecode, RefusesToLeaveTheOnlyHardwareOut) {
  const auto validation = validate_left_out(
      {point("only", KernelClass::kGpu, FormatFamily::kPlain, 500, 4e9, 32)}, Form::kFull);
  ASSERT_FALSE(validation.ok());
  EXPECT_EQ(validation.error().code, ErrorCode::kUsage);
  EXPECT_THAT(validation.error().message, testing::HasSubstr("two kinds"));
}

TEST(FitDecode, SpreadCoversFourFifthsOfTheErrors) {
  Validation validation;
  for (int i = 1; i <= 10; ++i) validation.points.push_back({"", 100, 100.0 + i});
  validation.points.push_back({"", 100, 50});
  EXPECT_NEAR(spread_of(validation), 1.09, 1e-9);
}

TEST(DecodeSeconds, HybridReadsItsTwoMemoriesInTurn) {
  const DecodeFit fit{0.8, 0.5, 1000, 0, 0};
  DecodeDemand demand;
  demand.kernels = KernelClass::kHybrid;
  demand.family = FormatFamily::kNested;
  demand.dense_bytes = 8e9;
  demand.routed_bytes = 5e9;
  demand.peak_gbps = 100;
  demand.accelerator_peak_gbps = 1000;
  EXPECT_NEAR(decode_seconds(fit, demand), 5.0 / 50 + 8.0 / 800, 1e-12);
}

TEST(DecodeSeconds, GainsShrinkAboveTheKneeAndNeverTurn) {
  const DecodeFit fit{0.8, 0.5, 1000, 0, 0};
  EXPECT_NEAR(achieved_gbps(fit, 4000, Unpacking::kHidden), 0.8 * 2000, 1e-9);
  double before = 0;
  for (double peak = 100; peak < 1e4; peak *= 1.1) {
    EXPECT_GT(achieved_gbps(fit, peak, Unpacking::kSlows), before);
    before = achieved_gbps(fit, peak, Unpacking::kSlows);
  }
}

TEST(Minimise, FindsTheBottomOfACurvedValley) {
  const auto at = minimise(
      [](const std::vector<double>& x) {
        const double a = 1 - x[0];
        const double b = x[1] - x[0] * x[0];
        return a * a + 100 * b * b;
      },
      {-1.2, 1.0});
  EXPECT_NEAR(at[0], 1, 1e-4);
  EXPECT_NEAR(at[1], 1, 1e-4);
}

}  // namespace
}  // namespace terrace::wall::fit_decode_test
