// SPDX-License-Identifier: Apache-2.0
// One model on one machine over ranges of context, batch and expanders: what `terrace wall` prints,
// writes as CSV and JSON, and draws. Thread-safe; allocates.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <terrace/result.h>

#include "tiering/wall/answer.h"
#include "tiering/wall/wall_catalogue.h"

namespace terrace::wall {

struct Ranges {
  std::vector<std::uint64_t> contexts;
  std::vector<std::uint64_t> batches;
  std::vector<std::uint64_t> cxl_devices;
};

/// The machine with one count of expanders, and what was found for it.
struct Variant {
  std::uint64_t cxl_devices = 0;
  WallMachine machine;
  Fit fit;                      ///< at the first context and batch
  std::vector<Answer> answers;  ///< by context, then by batch
};

struct TierLine {
  std::string tier;
  double capacity_bytes = 0;
  std::vector<double> tokens_per_second;  ///< at each context, at the first batch
};

struct Sweep {
  ModelLoads model;
  Ranges ranges;
  std::vector<Variant> variants;
  /// Of the last variant, which has all the tiers: speed if everything lay on one of them.
  std::vector<TierLine> tier_lines;
};

struct SweepRequest {
  std::string machine;
  std::string model;
  FormatChoice formats;
  Ranges ranges;
};

Result<Sweep> sweep(const WallCatalogue& catalogue, const SweepRequest& request);

/// Does any point of the sweep fit?
bool anything_fits(const Sweep& swept);

/// Why nothing fits, in one sentence with sizes and a remedy.
std::string why_nothing_fits(const Sweep& swept);

/// A header line and one line for each point.
std::string sweep_as_csv(const Sweep& swept);

}  // namespace terrace::wall
