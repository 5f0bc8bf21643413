// SPDX-License-Identifier: Apache-2.0
#include "profiler/sources/budget.h"

#include <gtest/gtest.h>

namespace terrace::sources::budget_test {
namespace {

constexpr std::uint32_t kOnePercent = 10000;

/// Looks of `cost` as often as the budget allows, by a program that keeps `busy` CPUs at work:
/// what share of the program's time they took in `seconds`.
double share_taken(std::uint32_t share_ppm, Nanoseconds cost, double busy, int seconds) {
  Budget budget;
  budget.configure(share_ppm);
  std::uint64_t spent = 0;
  const Nanoseconds end = milliseconds(1000u * static_cast<unsigned>(seconds));
  for (Nanoseconds now; now < end; now = now + milliseconds(10)) {
    const double ran = static_cast<double>(now.value) * busy;
    budget.program_ran(Nanoseconds(static_cast<std::uint64_t>(ran)), now);
    if (now < budget.free_at()) continue;
    spent += cost.value;
    budget.spent(cost, now);
  }
  return static_cast<double>(spent) / (static_cast<double>(end.value) * busy);
}

TEST(Budget, IsKeptForCheapAndDearLooks) {
  for (const std::uint64_t us : {200, 3000, 40000}) {
    for (const double busy : {0.5, 1.0, 2.0, 32.0}) {
      const double share = share_taken(kOnePercent, microseconds(us), busy, 300);
      EXPECT_LE(share, 0.0054) << us << " us, " << busy << " CPUs";
    }
  }
}

TEST(Budget, HalfOfItIsUsedWhenLooksAreDear) {
  EXPECT_GT(share_taken(kOnePercent, milliseconds(5), 1, 300), 0.0045);
  EXPECT_GT(share_taken(kOnePercent, milliseconds(5), 2, 300), 0.0045);
}

TEST(Budget, ACostIsPaidForByTheProgramsTime) {
  Budget budget;
  budget.configure(kOnePercent * 2);
  EXPECT_EQ(budget.pause_for(milliseconds(10)), milliseconds(1000));
  budget.program_ran(Nanoseconds(), Nanoseconds());
  budget.program_ran(milliseconds(3000), milliseconds(1000));
  // Half of the one CPU that was assumed stays: two in all.
  EXPECT_EQ(budget.pause_for(milliseconds(10)), milliseconds(500));
}

TEST(Budget, NoneMeansNoPauses) {
  Budget budget;
  budget.configure(0);
  budget.spent(milliseconds(900), milliseconds(1000));
  EXPECT_EQ(budget.free_at(), Nanoseconds());
  EXPECT_EQ(budget.pause_for(milliseconds(900)), Nanoseconds());
}

TEST(Budget, ALookThatIsDearerThanAllComesAgainWithinAMinute) {
  Budget budget;
  budget.configure(1);
  budget.spent(milliseconds(100000), milliseconds(5));
  EXPECT_LE(budget.free_at(), milliseconds(60005));
  EXPECT_GT(budget.free_at(), milliseconds(1000)) << "the smallest share is not none";
}

TEST(Budget, CostsThatFollowOnEachOtherAddUp) {
  Budget budget;
  budget.configure(kOnePercent);
  budget.spent(milliseconds(1), milliseconds(10));
  const Nanoseconds once = budget.free_at();
  budget.spent(milliseconds(1), milliseconds(11));
  EXPECT_EQ((budget.free_at() - once).value, (once - milliseconds(10)).value);
}

TEST(Budget, AProgramThatHardlyGetsACpuIsStillLookedAtEveryFewSeconds) {
  Budget budget;
  budget.configure(kOnePercent);
  int looks = 0;
  for (Nanoseconds now; now < milliseconds(60000); now = now + milliseconds(10)) {
    budget.program_ran(Nanoseconds(now.value / 20), now);
    if (now < budget.free_at()) continue;
    budget.spent(milliseconds(10), now);
    ++looks;
  }
  EXPECT_GE(looks, 12);
  EXPECT_LE(looks, 20);
}

TEST(Budget, ASmallCostDoesNotShortenThePauseOfADearOne) {
  Budget budget;
  budget.configure(kOnePercent);
  budget.spent(milliseconds(1000), milliseconds(10));
  const Nanoseconds after = budget.free_at();
  budget.spent(microseconds(10), milliseconds(1010));
  EXPECT_GE(budget.free_at(), after);
}

TEST(Budget, ASleepingProgramIsStillLookedAt) {
  EXPECT_GT(share_taken(kOnePercent, milliseconds(5), 0.001, 120), 0.0);
}

}  // namespace
}  // namespace terrace::sources::budget_test
