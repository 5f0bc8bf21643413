// SPDX-License-Identifier: Apache-2.0
#include "tiering/policy/kv/lru_rival.h"

#include <algorithm>
#include <cmath>

namespace terrace::policy {
namespace {

// Half is forgotten in about 700 requests.
constexpr double kKept = 0.999;
// In standard errors. With one, chance had LRU lead on loads on which rates are better.
constexpr double kMoreThanChance = 2;
// How long LRU leads before rates are tried again; twice as long each time that it was ahead.
constexpr std::uint64_t kFirstPeriod = 1024;
constexpr std::uint64_t kLongestPeriod = std::uint64_t{1} << 20;

}  // namespace

void LruRival::used(std::span<const std::uint32_t> records) {
  // Not std::views::reverse, which clang 14 cannot compile with GCC 12's library (preset fuzz).
  for (auto at = records.rbegin(); at != records.rend(); ++at) {
    order_.remove(*at);
    order_.append(0, *at);
    held_ += inside_[*at] == 0 ? 1 : 0;
    inside_[*at] = 1;
  }
  while (held_ > slots_) forget(order_.first(0));
}

void LruRival::forget(std::uint32_t record) {
  if (inside_[record] == 0) return;
  order_.remove(record);
  inside_[record] = 0;
  --held_;
}

void LruRival::count(std::uint64_t request, double saved, double lru_saved) {
  if (leads_) {
    if (request < until_) return;
    leads_ = false;
    ahead_ = ahead_squares_ = 0;
    return;
  }
  const double ahead = saved - lru_saved;
  ahead_ = kKept * ahead_ + ahead;
  ahead_squares_ = kKept * ahead_squares_ + ahead * ahead;
  if (ahead_ >= -kMoreThanChance * std::sqrt(ahead_squares_)) return;
  leads_ = true;
  period_ = std::min(std::max(2 * period_, kFirstPeriod), kLongestPeriod);
  until_ = request + period_;
}

}  // namespace terrace::policy
