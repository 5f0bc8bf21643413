// SPDX-License-Identifier: Apache-2.0
// What LRU would have, and when it leads.
#include "tiering/policy/kv/lru_rival.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <list>
#include <random>

#include "tests/fuzz/mutate.h"

namespace terrace::policy {
namespace {

TEST(LruRival, HoldsTheMostRecentAndOfOneRequestItsBeginning) {
  LruRival rival(3, 10);
  rival.used(std::vector<std::uint32_t>{1, 2});
  rival.used(std::vector<std::uint32_t>{3, 4});
  EXPECT_TRUE(rival.holds(1));
  EXPECT_FALSE(rival.holds(2)) << "the deepest of the older request";
  rival.used(std::vector<std::uint32_t>{1});
  rival.used(std::vector<std::uint32_t>{5});
  EXPECT_FALSE(rival.holds(4));
  EXPECT_TRUE(rival.holds(1));
  rival.forget(1);
  EXPECT_FALSE(rival.holds(1));
  rival.used(std::vector<std::uint32_t>{6});
  EXPECT_TRUE(rival.holds(3)) << "the place that 1 left";
}

TEST(LruRival, EqualsAPlainList) {
  std::mt19937 random(fuzz::logged_seed());
  LruRival rival(7, 30);
  std::list<std::uint32_t> plain;  // most recent first
  for (int step = 0; step < 20000; ++step) {
    const auto record = static_cast<std::uint32_t>(random() % 30);
    plain.remove(record);
    if (random() % 8 == 0) {
      rival.forget(record);
    } else {
      rival.used(std::vector<std::uint32_t>{record});
      plain.push_front(record);
      if (plain.size() > 7) plain.pop_back();
    }
    for (std::uint32_t i = 0; i < 30; ++i) {
      ASSERT_EQ(rival.holds(i), std::ranges::find(plain, i) != plain.end());
    }
  }
}

TEST(LruRival, LeadsWhenItWouldHaveHitMoreAndForTwiceAsLongTheNextTime) {
  LruRival rival(1, 1);
  std::uint64_t request = 0;
  const auto requests_until = [&](bool leads, double own, double lru) {
    const std::uint64_t first = request;
    while (rival.leads() != leads && request < first + 100000) rival.count(request++, own, lru);
    return request - first;
  };
  EXPECT_LT(requests_until(true, 2, 3), 10u);
  const std::uint64_t period = requests_until(false, 2, 3);
  EXPECT_GT(period, 500u);
  EXPECT_LT(requests_until(true, 2, 3), 10u);
  EXPECT_NEAR(static_cast<double>(requests_until(false, 0, 0)), 2.0 * static_cast<double>(period),
              5);
}

TEST(LruRival, DoesNotLeadWhereItHitsLess) {
  std::mt19937 random(fuzz::logged_seed());
  LruRival rival(1, 1);
  std::uint64_t led = 0;
  for (std::uint64_t request = 0; request < 50000; ++request) {
    rival.count(request, static_cast<double>(2 + random() % 10),
                static_cast<double>(random() % 10));
    led += rival.leads() ? 1 : 0;
  }
  EXPECT_LE(led, 2048u) << "at the very beginning at most, when little was seen";
}

}  // namespace
}  // namespace terrace::policy
