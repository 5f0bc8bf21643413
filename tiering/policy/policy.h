// SPDX-License-Identifier: Apache-2.0
// What a placement policy is: it says where a new block goes, hears of touches and of the end of
// each step, and moves blocks through the placement table. One policy a file; registry.h names
// them. Driven by tiering/simulate/simulator.h.
//
// A policy sees the past only. What it moves while it hears of a touch is moved in the program's
// way, before the touch is served, as in a page fault; what it moves at the end of a step is moved
// in the background of the next one (docs/simulator.md, "How a step is timed").
// Not thread-safe; a policy may allocate when it is made, and at a step's end.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <terrace/result.h>

#include "tiering/policy/machine.h"
#include "tiering/policy/placement_table.h"

namespace terrace::policy {

/// Neighbouring blocks that are read one after the other, each whole.
struct Touch {
  BlockId first = 0;
  std::uint32_t count = 1;
};

/// What can be measured of a step that has just ended.
struct StepView {
  std::uint64_t step = 0;  ///< counted from 0
  double seconds = 0;
  std::vector<std::uint64_t> tier_blocks;  ///< blocks that the program read from each tier
  std::vector<double> tier_busy_seconds;   ///< time that each tier's link was busy, moves included
};

class Policy {
 public:
  virtual ~Policy() = default;
  /// The tier that a block which comes into being should go to.
  virtual std::uint8_t tier_for(BlockId block) = 0;
  /// The block is on `tier` now: as asked for, or where there was room.
  virtual void allocated(BlockId, std::uint8_t) {}
  virtual void released(BlockId) {}
  virtual void touched(const Touch&) {}
  virtual void step_ended(const StepView&) {}
};

/// What a policy is made from. All of it outlives the policy.
struct PolicyContext {
  const Machine& machine;
  const Layout& layout;
  PlacementTable& table;
  /// Tier of each block by the planner, from a recording of another run; empty: none was made.
  const std::vector<std::uint8_t>& planned_tiers;
};

struct PolicySpec {
  std::string_view name;
  std::string_view summary;  ///< one line
  std::string_view source;   ///< paper or code that it follows
  std::unique_ptr<Policy> (*make)(const PolicyContext& context);
};

}  // namespace terrace::policy
