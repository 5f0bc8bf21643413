// SPDX-License-Identifier: Apache-2.0
#include "profiler/heat/difference.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

namespace terrace::heat {
namespace {

using Identity = std::tuple<std::uint64_t, Origin, std::uint32_t>;

Identity identity_of(const ObjectKey& key) {
  return {key.site_hash, key.origin, key.ordinal};
}

std::uint64_t apart(std::uint64_t a, std::uint64_t b) {
  return a > b ? a - b : b - a;
}

constexpr std::size_t kNone = static_cast<std::size_t>(-1);

/// For each object of `before` its counterpart in `after`, or kNone.
std::vector<std::size_t> matched(const HeatMap& before, const HeatMap& after) {
  std::multimap<Identity, std::size_t> candidates;
  for (std::size_t i = 0; i < after.objects.size(); ++i) {
    candidates.emplace(identity_of(after.objects[i].key), i);
  }
  std::vector<std::size_t> partner(before.objects.size(), kNone);
  // Equal sizes first, so that no near one takes an exact one's place.
  for (const bool exact : {true, false}) {
    for (std::size_t i = 0; i < before.objects.size(); ++i) {
      if (partner[i] != kNone) continue;
      const ObjectKey& key = before.objects[i].key;
      const auto [begin, end] = candidates.equal_range(identity_of(key));
      auto best = end;
      std::uint64_t least = exact ? 1 : key.size_bytes / 4;
      for (auto at = begin; at != end; ++at) {
        const std::uint64_t gap = apart(after.objects[at->second].key.size_bytes, key.size_bytes);
        if (gap >= least) continue;
        best = at;
        least = gap;
      }
      if (best == end) continue;
      partner[i] = best->second;
      candidates.erase(best);
    }
  }
  return partner;
}

bool is_known(const ObjectHeat& object) {
  return object.source != "none";
}

const std::string& tier_name(const HeatMap& map, std::uint8_t tier) {
  static const std::string kNowhere;
  return tier < map.tiers.size() ? map.tiers[tier].name : kNowhere;
}

double moved_share(const HeatMap& before, const ObjectHeat& was, const HeatMap& after,
                   const ObjectHeat& is) {
  const std::size_t blocks = std::min(was.block_tiers.size(), is.block_tiers.size());
  if (blocks == 0) return 0;
  std::size_t moved = 0;
  for (std::size_t b = 0; b < blocks; ++b) {
    if (tier_name(before, was.block_tiers[b]) != tier_name(after, is.block_tiers[b])) ++moved;
  }
  return static_cast<double>(moved) / static_cast<double>(blocks);
}

class Comparison {
 public:
  Comparison(const HeatMap& before, const HeatMap& after) : before_(before), after_(after) {
    result_.step_before = before.step_seconds;
    result_.step_after = after.step_seconds;
    result_.per_step = before.step_seconds > 0 && after.step_seconds > 0;
  }

  Difference run() {
    std::vector<bool> taken(after_.objects.size());
    const std::vector<std::size_t> partner = matched(before_, after_);
    for (std::size_t i = 0; i < partner.size(); ++i) {
      const ObjectHeat& was = before_.objects[i];
      ObjectDifference& made = result_.objects.emplace_back();
      made.before = i;
      made.heat_before = rate(was, result_.step_before);
      made.error = was.relative_error * made.heat_before;
      if (partner[i] == kNone) {
        judge(made, is_known(was));
        continue;
      }
      taken[partner[i]] = true;
      made.after = partner[i];
      const ObjectHeat& is = after_.objects[partner[i]];
      made.heat_after = rate(is, result_.step_after);
      made.error = std::hypot(made.error, is.relative_error * made.heat_after);
      made.moved_share = moved_share(before_, was, after_, is);
      judge(made, is_known(was) && is_known(is));
    }
    for (std::size_t i = 0; i < taken.size(); ++i) {
      if (taken[i]) continue;
      ObjectDifference& made = result_.objects.emplace_back();
      made.after = i;
      made.heat_after = rate(after_.objects[i], result_.step_after);
      made.error = after_.objects[i].relative_error * made.heat_after;
      judge(made, is_known(after_.objects[i]));
    }
    std::stable_sort(result_.objects.begin(), result_.objects.end(),
                     [](const ObjectDifference& a, const ObjectDifference& b) {
                       return std::fabs(a.change()) > std::fabs(b.change());
                     });
    return std::move(result_);
  }

 private:
  double rate(const ObjectHeat& object, double step_seconds) const {
    return object.bytes_per_second() * (result_.per_step ? step_seconds : 1);
  }
  static void judge(ObjectDifference& made, bool known) {
    // Exact figures have no error and differ by the rounding of doubles all the same.
    constexpr double kRounding = 1e-9;
    const double least = kRounding * std::max(made.heat_before, made.heat_after);
    made.significant = known && std::fabs(made.change()) > std::max(2 * made.error, least);
  }

  const HeatMap& before_;
  const HeatMap& after_;
  Difference result_;
};

}  // namespace

Difference difference_of(const HeatMap& before, const HeatMap& after) {
  return Comparison(before, after).run();
}

}  // namespace terrace::heat
