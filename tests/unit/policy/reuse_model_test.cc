// SPDX-License-Identifier: Apache-2.0
// What the model of reuse makes of counts.
#include "tiering/policy/kv/reuse_model.h"

#include <gtest/gtest.h>

#include <functional>

namespace terrace::policy::reuse_model_test {
namespace {

TEST(ReuseModel, FindsTheBinOfEachAge) {
  for (std::uint32_t bin = 0; bin < kAgeBins; ++bin) {
    EXPECT_EQ(age_bin(age_begin(bin)), bin);
    if (bin + 1 < kAgeBins) {
      EXPECT_EQ(age_bin(age_begin(bin + 1) - 1), bin);
    }
  }
  EXPECT_EQ(age_bin(~std::uint64_t{0} >> 1), kAgeBins - 1);
}

TEST(ReuseModel, GivesEachCombinationOfTraitsItsClass) {
  std::vector<char> seen(kReuseClasses, 0);
  ReuseTraits traits;
  const std::function<void(std::size_t)> all = [&](std::size_t i) {
    if (i == ReuseTraits::kCount) {
      const std::uint32_t reuse_class = class_of(traits);
      ASSERT_LT(reuse_class, kReuseClasses);
      EXPECT_FALSE(seen[reuse_class]++);
      return;
    }
    for (std::uint8_t v = 0; v < ReuseTraits::kValues[i]; ++v) {
      traits.values[i] = v;
      all(i + 1);
    }
  };
  all(0);
}

TEST(ReuseModel, ValuesTheYoungestMostBeforeAnythingIsSeen) {
  const ReuseModel model;
  for (std::uint32_t bin = 1; bin < kAgeBins; ++bin) {
    EXPECT_LE(model.worth(bin), model.worth(bin - 1));
  }
}

TEST(ReuseModel, ValuesAClassBySeenReuses) {
  ReuseModel model;
  ReuseTraits often;
  ReuseTraits never;
  never.values[2] = 1;
  const std::uint32_t a = class_of(often);
  const std::uint32_t b = class_of(never);
  for (std::uint64_t now = 0; now < 2000; ++now) {
    model.enter(a * kAgeBins, now);
    model.enter(b * kAgeBins, now);
    model.leave(a * kAgeBins, now + 1);
    model.leave(b * kAgeBins, now + 1);
    if (now % 4 == 0) model.reused(a, 0, 1);
  }
  model.refit(2000);
  EXPECT_GT(model.worth(a * kAgeBins), 4 * model.worth(b * kAgeBins));
}

// Nothing for a while, then surely: worth waiting for, and worth more than a class that comes back
// at once but seldom.
TEST(ReuseModel, WaitsForAReuseThatIsYetToCome) {
  ReuseModel model;
  ReuseTraits late;
  late.values[0] = 1;
  const std::uint32_t c = class_of(late);
  const std::uint32_t due = age_bin(10);
  std::uint64_t now = 0;
  for (int i = 0; i < 3000; ++i) {
    for (std::uint32_t bin = 0; bin <= due; ++bin) {
      model.enter(c * kAgeBins + bin, now);
      now += bin == due ? 1 : age_begin(bin + 1) - age_begin(bin);
      model.leave(c * kAgeBins + bin, now);
    }
    model.reused(c, due, 1);
  }
  model.refit(now);
  EXPECT_GT(model.worth(c * kAgeBins), 0.05F);
  EXPECT_GT(model.worth(c * kAgeBins + due), model.worth(c * kAgeBins));
}

}  // namespace
}  // namespace terrace::policy::reuse_model_test
