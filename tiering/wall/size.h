// SPDX-License-Identifier: Apache-2.0
// The cheapest machine, with as many expanders as it takes, that reaches a target. Used by
// `terrace wall size`. Thread-safe; allocates.
#pragma once

#include <string>
#include <vector>

#include <terrace/result.h>

#include "tiering/wall/answer.h"

namespace terrace::wall {

struct Target {
  double tokens_per_second = 0;  ///< for each user
  double context = 0;            ///< tokens of each user
  double users = 1;              ///< at the same time
};

struct Candidate {
  WallMachine machine;
  std::uint64_t cxl_devices = 0;
};

struct Sized {
  std::size_t candidate = 0;  ///< index
  Answer answer;
  double tokens_per_second_each = 0;
  bool reaches = false;
  std::string lacks;  ///< "capacity", "speed"; empty when it reaches the target
};

/// Every candidate, those that reach the target first, by price; those without a known price
/// after them, by power and expanders; then those that miss it, by how near they come.
/// `kCareful` counts on the interval's slow end.
enum class Confidence : std::uint8_t { kExpected = 0, kCareful = 1 };
Result<std::vector<Sized>> size_up(const FittedConstants& constants,
                                   const std::vector<Candidate>& candidates,
                                   const ModelLoads& model, const Target& target,
                                   Confidence confidence);

}  // namespace terrace::wall
