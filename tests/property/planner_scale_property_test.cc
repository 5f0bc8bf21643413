// SPDX-License-Identifier: Apache-2.0
// What grouping costs: models with more differing phases than the planner solves one by one, held
// against the plain linear programme. The seed is printed; TERRACE_SEED repeats a run.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>

#include "allocators/base/quantile.h"
#include "tests/property/planner_cases.h"
#include "tiering/plan/programme.h"

namespace terrace::plan::planner_scale_property_test {
namespace {

struct Gaps {
  std::vector<double> bound;  ///< how far the grouped bound is below the plain optimum
  std::vector<double> plan;   ///< how far the plan is above the plain programme's own optimum
};

double most(const std::vector<double>& values) {
  return values.empty() ? 0 : *std::max_element(values.begin(), values.end());
}

void print(const char* kind, const Gaps& gaps) {
  std::printf(
      "%s: bound below the plain optimum by %.3f %% (median; at most %.3f %%), plan above "
      "its plain programme's by %.3f %% (at most %.3f %%)\n",
      kind, 100 * quantile(gaps.bound, 0.5), 100 * most(gaps.bound), 100 * quantile(gaps.plan, 0.5),
      100 * most(gaps.plan));
}

double optimum(const Programme& programme) {
  const auto solution = solve(programme);
  EXPECT_TRUE(solution.ok()) << solution.error().message;
  return solution.ok() ? solution->step_seconds : 0;
}

void compare(const Case& drawn, Gaps& gaps) {
  const Priced priced = price(drawn);
  const double bound =
      optimum(bound_programme(priced.workload, priced.rates, {}, priced.capacity, SIZE_MAX));
  // In whole blocks nobody can promise this one, so it is no bound of the plan's step.
  const double shares =
      optimum(plan_programme(priced.workload, priced.rates, {}, priced.capacity, 1, SIZE_MAX));
  const Plan plan = planned(drawn);
  EXPECT_LE(plan.bound.step_seconds, bound * (1 + 1e-6));
  EXPECT_GE(plan.planned.step_seconds, bound * (1 - 1e-6));
  gaps.bound.push_back(1 - plan.bound.step_seconds / bound);
  gaps.plan.push_back(plan.planned.step_seconds / shares - 1);
}

// Measured over 200 models of each kind: the bound at most 2.3 % (mixtures) and 3.0 % (all
// streamed) below the plain one; the plan at most 14 % and 7 % above the plain programme's optimum,
// which it would be in shares of blocks, and mostly below 0.5 %.
constexpr double kMostBoundGap = 0.06;
constexpr double kMostPlanGap = 0.25;
constexpr double kMostMedianPlanGap = 0.05;

void check(const Gaps& gaps) {
  EXPECT_LT(most(gaps.bound), kMostBoundGap);
  EXPECT_LT(most(gaps.plan), kMostPlanGap);
  EXPECT_LT(quantile(gaps.plan, 0.5), kMostMedianPlanGap);
}

TEST(PlannerScale, GroupingCostsLittleInMixtures) {
  Gaps gaps;
  for_each_case(8, [&](Draw& draw) { compare(draw.varied_case(Varied::kMixture), gaps); });
  print("mixtures", gaps);
  check(gaps);
}

TEST(PlannerScale, GroupingCostsLittleWhereNoStepIsKnown) {
  Gaps gaps;
  for_each_case(8, [&](Draw& draw) { compare(draw.varied_case(Varied::kStreamed), gaps); });
  print("all streamed", gaps);
  check(gaps);
}

}  // namespace
}  // namespace terrace::plan::planner_scale_property_test
