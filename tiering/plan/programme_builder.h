// SPDX-License-Identifier: Apache-2.0
// Groups phases and blocks until a programme is small enough to solve (docs/adr/0024). Used by
// programme_build.cc alone. Not thread-safe; allocates; O(blocks log blocks) for each grouping that
// is tried, ten at most.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "tiering/plan/programme.h"

namespace terrace::plan::detail {

struct PhaseBlock {
  BlockRef where;
  double bytes = 0;
  TierMask allowed = kAnyTier;
  std::uint8_t present = kNowhere;
};

/// What stands for the heat of a range's blocks.
enum class RangeHeat : std::uint8_t {
  kLeast = 0,  ///< for a bound
  kMean = 1,
};

/// Phases of like composition become one: a phase's cost grows in proportion when all its parts do,
/// and the sum of two phases' costs is never below the cost of both as one, so a share that is best
/// for the sum is best for each. A dense model is then one phase, however large it is. Phases that
/// are only nearly alike are grouped when there are too many, by the heat of each quarter of their
/// blocks, within wider and wider bands.
class ProgrammeBuilder {
 public:
  explicit ProgrammeBuilder(double engine_seconds_per_byte)
      : engine_seconds_per_byte_(engine_seconds_per_byte) {}

  void add_phase(std::vector<PhaseBlock> blocks);
  void add_alone(const PhaseBlock& block) { alone_.push_back(block); }

  /// Groups phases of the same composition only, heats within `level_width` being the same. True
  /// when that gives at most `most` ranges.
  bool fits(double level_width, std::size_t most);
  /// As fits(), and when that gives too many, phases that are nearly alike.
  void group(double level_width, std::size_t most);
  /// After one of the two above: fills in ranges and phase floors.
  void build(Programme& programme, RangeHeat heat) const;

 private:
  std::size_t count_ranges() const;

  double engine_seconds_per_byte_;
  double level_width_ = 0;
  std::vector<std::vector<PhaseBlock>> phases_;
  std::vector<PhaseBlock> alone_;
  std::vector<std::uint32_t> group_of_;  ///< of each phase
  std::uint32_t groups_ = 0;
};

}  // namespace terrace::plan::detail
