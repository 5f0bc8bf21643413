// SPDX-License-Identifier: Apache-2.0
// Random machines and heat maps for the planner's property tests, priced by the model that the
// planner uses. The seed is printed; TERRACE_SEED repeats a run.
// Not thread-safe (gtest's trace); allocates.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "tests/logged_seed.h"
#include "tests/unit/plan/heat_fixture.h"
#include "tiering/model/step_model.h"
#include "tiering/plan/constraints.h"
#include "tiering/plan/engine_rate.h"
#include "tiering/plan/machine_figures.h"
#include "tiering/plan/planner.h"

namespace terrace::plan {

using fixture::kBlock;
using model::Assignment;

struct Case {
  Topology machine;
  heat::HeatMap heat;
  PlannerOptions options;
};

enum class Varied : std::uint8_t {
  kMixture = 0,   ///< half of the blocks are routed, cold, or read several times
  kStreamed = 1,  ///< the same without a known step: all of them are taken as streamed
};

class Draw {
 public:
  explicit Draw(std::uint32_t seed) : random_(seed) {}
  int whole(int least, int most) {
    return std::uniform_int_distribution<int>(least, most)(random_);
  }
  double real(double least, double most) {
    return std::uniform_real_distribution<double>(least, most)(random_);
  }

  Case small_case() { return make(whole(2, 3), whole(1, 2), 3, whole(1, 3)); }
  /// More differing phases than the planner solves one by one, yet few enough for the plain linear
  /// programme.
  Case varied_case(Varied kind) {
    Case drawn = make(whole(2, 4), whole(50, 300), 60, 16);
    // Without a period every touched block counts as streamed, at the heat that it has.
    if (kind == Varied::kStreamed) drawn.heat.step_seconds = 0;
    return drawn;
  }
  /// The same model as a recording of `steps` steps that counts passes sees it.
  Case sampled(const Case& truth, int steps) {
    Case seen = truth;
    for (heat::ObjectHeat& object : seen.heat.objects) {
      double total = 0;
      for (double& rate : object.block_bytes_per_second) {
        const double passes = rate * seen.heat.step_seconds / kBlock;
        const int count = std::poisson_distribution<int>(passes * steps)(random_);
        rate = count * kBlock / steps / seen.heat.step_seconds;
        total += count;
      }
      object.relative_error = total > 0 ? 1 / std::sqrt(total) : 1;
    }
    return seen;
  }

  /// A placement that fits, drawn block by block.
  Plan any_plan(const Case& drawn) {
    Plan plan = *make_plan(drawn.heat, drawn.machine, drawn.options);
    std::vector<std::uint64_t> room = *capacity_blocks(drawn.machine.tiers, 0);
    for (PlannedObject& object : plan.objects) {
      for (std::uint8_t& tier : object.block_tiers) {
        do {
          tier = static_cast<std::uint8_t>(whole(0, static_cast<int>(room.size()) - 1));
        } while (room[tier] == 0);
        --room[tier];
      }
    }
    return plan;
  }

  Case large_case() { return make(whole(2, 4), whole(1, 6), 120, 16); }

 private:
  /// Bytes that a block moves in a step: dense, routed, cold, or read several times.
  double block_heat() {
    const int kind = whole(0, 9);
    if (kind < 5) return kBlock;
    if (kind < 8) return kBlock * real(0.01, 0.7);
    if (kind < 9) return 0;
    return kBlock * real(1.5, 4);
  }

  Case make(int tiers, int objects, int most_blocks, int phase_blocks) {
    Case drawn;
    drawn.options.phase_bytes = Bytes(static_cast<std::uint64_t>(phase_blocks) * kBlockBytes.value);
    drawn.options.slow_link_utilisation = 1;
    std::vector<std::vector<double>> heats(static_cast<std::size_t>(objects));
    std::uint64_t blocks = 0;
    double bytes = 0;
    for (auto& object : heats) {
      for (int left = whole(1, most_blocks); left > 0; --left) object.push_back(block_heat());
      heats[0][0] = kBlock;
      for (double heat : object) bytes += heat;
      blocks += object.size();
    }
    draw_machine(drawn, tiers, blocks);
    // An engine of 0.3 to 1 times the fastest bandwidth, recorded with every block there.
    const double gbps = drawn.machine.tiers[0].read_bandwidth.value.value * real(0.3, 1.0);
    const double step = bytes / (gbps * 1e9);
    drawn.heat = fixture::make_heat(drawn.machine, step);
    for (std::size_t o = 0; o < heats.size(); ++o) {
      drawn.heat.objects.push_back(fixture::make_object(o + 1, heats[o], step));
    }
    return drawn;
  }

  // Tiers that hold the blocks together, the faster ones seldom alone.
  void draw_machine(Case& drawn, int tiers, std::uint64_t blocks) {
    std::vector<Tier> list;
    double gbps = real(5, 20);
    std::uint64_t left = blocks;
    for (int t = 0; t < tiers; ++t) {
      const auto most = static_cast<int>(std::max<std::uint64_t>(1, left));
      const std::uint64_t room =
          t + 1 == tiers ? left + 1 : static_cast<std::uint64_t>(whole(1, most));
      list.push_back(fixture::make_tier("tier" + std::to_string(t), room, gbps));
      left -= std::min(left, room);
      gbps *= real(0.15, 0.8);
    }
    drawn.machine = fixture::make_machine(std::move(list));
  }

  std::mt19937 random_;
};

/// The model as the planner sees the case.
struct Priced {
  model::Workload workload;
  model::Rates rates;
  std::vector<std::uint64_t> capacity;

  double seconds(const Assignment& where) const {
    return model::step_time(workload, rates, where).step_seconds;
  }
  /// What the hottest block takes on the slowest tier.
  double one_block_seconds() const {
    double largest = 0;
    for (const auto& object : workload.objects) {
      for (const auto& block : object.blocks) largest = std::max(largest, block.bytes_per_step);
    }
    return largest * rates.tier_seconds_per_byte.back();
  }
};

inline Priced price(const Case& drawn) {
  std::vector<std::string> notes;
  Priced priced;
  priced.workload = *model::make_workload(drawn.heat, drawn.options.phase_bytes);
  priced.rates.tier_seconds_per_byte = *seconds_per_byte(drawn.machine.tiers, {});
  priced.rates.engine_seconds_per_byte =
      *engine_rate(drawn.heat, drawn.machine, priced.workload, notes);
  priced.capacity = *capacity_blocks(drawn.machine.tiers, 0);
  return priced;
}

inline Plan planned(const Case& drawn) {
  auto plan = make_plan(drawn.heat, drawn.machine, drawn.options);
  EXPECT_TRUE(plan.ok()) << (plan.ok() ? "" : plan.error().message);
  return plan.ok() ? *plan : Plan{};
}

inline void for_each_case(int count, const std::function<void(Draw&)>& check) {
  const std::uint32_t seed = testing_support::logged_seed();
  for (int i = 0; i < count && !testing::Test::HasFailure(); ++i) {
    const std::uint32_t own = seed + static_cast<std::uint32_t>(i);
    SCOPED_TRACE("TERRACE_SEED=" + std::to_string(own));
    Draw draw(own);
    check(draw);
  }
}

inline std::size_t any_tier(Draw& draw, const Case& drawn) {
  return static_cast<std::size_t>(draw.whole(0, static_cast<int>(drawn.machine.tiers.size()) - 1));
}

/// The tiers that the rules, taken one by one, leave an object.
inline TierMask allowed_by(const Case& drawn, std::size_t object) {
  TierMask allowed = 0;
  for (std::size_t t = 0; t < drawn.machine.tiers.size(); ++t) {
    bool good = true;
    for (const PlacementRule& rule : drawn.options.rules) {
      if (rule.objects != drawn.heat.objects[object].label) continue;
      good &= (rule.tier == drawn.machine.tiers[t].name) == (rule.kind == RuleKind::kPin);
    }
    if (good) allowed |= TierMask{1} << t;
  }
  return allowed;
}

/// Is there truly no placement under the rules? By Hall's theorem, tried for every set of tiers.
inline bool refusal_is_right(const Case& drawn, ErrorCode code) {
  const std::size_t tiers = drawn.machine.tiers.size();
  const std::vector<std::uint64_t> room = *capacity_blocks(drawn.machine.tiers, 0);
  for (std::size_t o = 0; o < drawn.heat.objects.size(); ++o) {
    if (allowed_by(drawn, o) == 0) return code == ErrorCode::kUsage;
  }
  for (TierMask set = 1; set < TierMask{1} << tiers; ++set) {
    std::uint64_t holds = 0;
    std::uint64_t wanted = 0;
    for (std::size_t t = 0; t < tiers; ++t) holds += allows(set, t) ? room[t] : 0;
    for (std::size_t o = 0; o < drawn.heat.objects.size(); ++o) {
      if ((allowed_by(drawn, o) & ~set) == 0) wanted += drawn.heat.objects[o].block_tiers.size();
    }
    if (wanted > holds) return code == ErrorCode::kInfeasible;
  }
  return false;
}

}  // namespace terrace::plan
