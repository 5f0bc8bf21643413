// SPDX-License-Identifier: Apache-2.0
// A plan: for each object its share on each tier, with the predicted step time and the bound.
// Made by planner.h from a heat map, written as JSON by plan_json.h, compiled by flat_writer.h to
// the file that the runtime maps. Plain values; allocates.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <terrace/tier.h>

#include "allocators/base/site_key.h"
#include "tiering/plan/rule_text.h"

namespace terrace::plan {

inline constexpr int kPlanSchemaVersion = 1;

struct PlannedObject {
  ObjectKey key;
  std::string label;
  std::vector<double> shares;             ///< of its bytes, one for each tier; they sum to 1
  std::vector<std::uint8_t> block_tiers;  ///< tier index of each 2 MiB block
  double bytes_per_step = 0;
  std::vector<double> tier_bytes_per_step;  ///< of which from each tier
};

/// A placement's predicted step, in seconds.
struct Prediction {
  double step_seconds = 0;
  double compute_seconds = 0;             ///< with every byte on the fastest tier
  std::vector<double> tier_busy_seconds;  ///< time that each tier's link is busy in a step
};

/// What the way from the present placement to the plan costs and brings.
struct Moves {
  std::string from;            ///< the present plan's path
  double horizon_seconds = 0;  ///< within which moves must pay
  Prediction present;          ///< step of the present placement, what is new placed beside it
  std::uint64_t bytes = 0;     ///< whole blocks
  double seconds = 0;          ///< that the moves hold up the work, taken one after another

  /// Time that the plan saves within the horizon, less the moves' own. Never negative.
  double gain_seconds(const Prediction& planned) const {
    if (!(present.step_seconds > 0)) return 0;
    return horizon_seconds * (1 - planned.step_seconds / present.step_seconds) - seconds;
  }
};

struct Plan {
  int schema_version = kPlanSchemaVersion;
  std::string machine_id;
  std::string executable;
  bool emulated = false;
  std::string made_from;    ///< the session's path
  std::vector<Tier> tiers;  ///< fastest first
  std::vector<PlannedObject> objects;
  double recorded_step_seconds = 0;
  Prediction all_fast;  ///< if the fastest tier were large enough
  Prediction bound;     ///< optimum of the linear programme, under the rules
  Prediction planned;   ///< this plan, after rounding to blocks
  Prediction first_touch;
  Prediction interleave;             ///< 1:1
  Prediction weighted;               ///< weighted by bandwidth
  std::vector<PlacementRule> rules;  ///< that plan and bound keep to
  std::optional<Moves> moves;        ///< when it was made from a present placement
  bool per_second = false;           ///< no step was found: figures are per second recorded
  std::vector<std::string> notes;    ///< what a reader of the figures must know, a sentence each
};

}  // namespace terrace::plan
