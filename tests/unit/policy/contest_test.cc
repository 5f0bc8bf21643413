// SPDX-License-Identifier: Apache-2.0
// What LRU and learnt rates would have, and who leads.
#include "tiering/policy/kv/contest.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <list>
#include <random>

#include "tests/fuzz/mutate.h"

namespace terrace::policy::contest_test {
namespace {

TEST(LruShadow, HoldsTheMostRecentAndOfOneRequestItsBeginning) {
  LruShadow lru(3, 10);
  lru.used(std::vector<std::uint32_t>{1, 2});
  lru.used(std::vector<std::uint32_t>{3, 4});
  EXPECT_TRUE(lru.holds(1));
  EXPECT_FALSE(lru.holds(2)) << "the deepest of the older request";
  lru.used(std::vector<std::uint32_t>{1});
  lru.used(std::vector<std::uint32_t>{5});
  EXPECT_FALSE(lru.holds(4));
  EXPECT_TRUE(lru.holds(1));
  lru.forget(1);
  EXPECT_FALSE(lru.holds(1));
  lru.used(std::vector<std::uint32_t>{6});
  EXPECT_TRUE(lru.holds(3)) << "the place that 1 left";
}

TEST(LruShadow, EqualsAPlainList) {
  std::mt19937 random(fuzz::logged_seed());
  LruShadow lru(7, 30);
  std::list<std::uint32_t> plain;  // most recent first
  for (int step = 0; step < 20000; ++step) {
    const auto record = static_cast<std::uint32_t>(random() % 30);
    plain.remove(record);
    if (random() % 8 == 0) {
      lru.forget(record);
    } else {
      lru.used(std::vector<std::uint32_t>{record});
      plain.push_front(record);
      if (plain.size() > 7) plain.pop_back();
    }
    for (std::uint32_t i = 0; i < 30; ++i) {
      ASSERT_EQ(lru.holds(i), std::ranges::find(plain, i) != plain.end());
    }
  }
}

/// Records of class 0 by their age: the older a block, the less it is worth, as before anything is
/// seen.
class RatesShadowTest : public testing::Test {
 protected:
  RatesShadowTest() : shadow_(3, 10), ranks_(10, {}) {
    ranks_.rank(model_);
    shadow_.rank_as(ranks_);
  }
  void serve(const std::vector<std::uint32_t>& records) {
    for (const std::uint32_t record : records) shadow_.set_cell(record, 0);
    shadow_.serve(records, model_);
  }
  void age(std::uint32_t record, std::uint32_t bin) { shadow_.set_cell(record, bin); }

  ReuseModel model_;
  RatesShadow shadow_;
  RankedCandidates ranks_;
};

TEST_F(RatesShadowTest, DropsWhatIsWorthLeastOfWhatHasNoChild) {
  serve({1, 2});
  serve({3});
  age(1, 9);
  age(2, 5);
  age(3, 2);
  serve({4});
  EXPECT_FALSE(shadow_.holds(2)) << "1 is worth less, and is its parent";
  EXPECT_TRUE(shadow_.holds(1) && shadow_.holds(3) && shadow_.holds(4));
  serve({5});
  EXPECT_FALSE(shadow_.holds(1));
}

TEST_F(RatesShadowTest, AdmitsNothingThatIsWorthLessThanAllItHas) {
  serve({1, 2, 3});
  shadow_.set_cell(4, 6);
  shadow_.serve(std::vector<std::uint32_t>{4, 5}, model_);
  EXPECT_FALSE(shadow_.holds(4) || shadow_.holds(5));
  EXPECT_TRUE(shadow_.holds(3));
}

TEST_F(RatesShadowTest, ARequestDoesNotMakeRoomForItselfInItself) {
  serve({1, 2, 3, 4});
  EXPECT_TRUE(shadow_.holds(1) && shadow_.holds(2) && shadow_.holds(3));
  EXPECT_FALSE(shadow_.holds(4));
}

TEST_F(RatesShadowTest, ChildrenOfAForgottenRecordStayUntilTheyAreWorthLeast) {
  serve({1, 2});
  shadow_.forget(1);
  EXPECT_TRUE(shadow_.holds(2));
  serve({1});
  serve({3});
  age(1, 3);
  age(2, 4);
  serve({4});
  EXPECT_FALSE(shadow_.holds(2));
  EXPECT_TRUE(shadow_.holds(1)) << "the child that went was of the former one";
  serve({5});
  EXPECT_FALSE(shadow_.holds(1)) << "nothing holds it";
}

/// By how much the rates are ahead in each, until the lead changes.
std::uint64_t requests_until_it_changes(Lead& lead, double ahead) {
  const bool before = lead.of_rates();
  std::uint64_t requests = 0;
  for (; lead.of_rates() == before && requests < 100000; ++requests) lead.count(ahead);
  return requests;
}

TEST(Lead, IsOfLruUntilTheRatesAreAheadAndAgainWhenTheyAreNot) {
  Lead lead;
  EXPECT_FALSE(lead.of_rates());
  EXPECT_LT(requests_until_it_changes(lead, 3), 10u);
  for (int i = 0; i < 1000; ++i) lead.count(3);
  const std::uint64_t after = requests_until_it_changes(lead, -3);
  EXPECT_GT(after, 500u) << "not for a single request";
  EXPECT_LT(after, 2000u);
}

TEST(Lead, IsNotOfRatesThatSaveNoMore) {
  std::mt19937 random(fuzz::logged_seed());
  std::uint64_t led = 0;
  constexpr int kLoads = 1000;
  constexpr int kRequests = 5000;
  for (int load = 0; load < kLoads; ++load) {
    Lead lead;
    for (int i = 0; i < kRequests; ++i) {
      lead.count(static_cast<double>(random() % 21) - 10);
      led += lead.of_rates() ? 1 : 0;
    }
  }
  EXPECT_LT(led, kLoads * kRequests / 12) << "by chance, now and then";
}

TEST(Lead, IsOfRatesThatSaveALittleMoreAgainstNoise) {
  std::mt19937 random(fuzz::logged_seed());
  std::uint64_t led = 0;
  constexpr int kRequests = 50000;
  Lead lead;
  for (int i = 0; i < kRequests; ++i) {
    lead.count(static_cast<double>(random() % 21) - 9);
    led += lead.of_rates() ? 1 : 0;
  }
  EXPECT_GT(led, kRequests * 4 / 5);
}

}  // namespace
}  // namespace terrace::policy::contest_test
