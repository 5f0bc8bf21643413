// SPDX-License-Identifier: Apache-2.0
// Where the blocks should be, given how they will be touched: streams in the linear programme's
// shares (tiering/plan/programme.h), the rest by what it is worth, and as little moved as that
// allows. Second part of the online policy. Not thread-safe; allocates.
#pragma once

#include <cstdint>
#include <vector>

#include "tiering/policy/policy.h"

namespace terrace::policy {

/// What is expected of one block.
struct BlockOutlook {
  double rate = 0;           ///< touches a step at present
  double worth = 0;          ///< seconds that it saves on the fastest tier against the next one
  double doubt = 0;          ///< seconds that this may be off
  double horizon_steps = 1;  ///< for which it is expected
  bool streamed = false;     ///< touched every step, in order: transfers overlap
  bool resting = false;      ///< moved lately: stays
};

struct Target {
  std::vector<std::uint8_t> tier_of;  ///< kNowhere where there is no block
  std::vector<double> stream_shares;  ///< of the streamed blocks, on each tier; empty: no streams
  /// What the streams' moves save, by the model, within the horizons.
  double stream_gain_seconds = 0;
  std::uint64_t stream_moves = 0;
};

struct TargetRequest {
  const Machine& machine;
  const Layout& layout;
  const PlacementTable& table;
  const std::vector<BlockOutlook>& outlook;  ///< one for each block
  std::uint64_t reserve_blocks = 0;          ///< of the fastest tier, for blocks about to come
  /// The streams' shares as found before, to be used again; empty: solve for them.
  std::vector<double> known_shares;
  /// Share of each tier's link that is to be left for moves which cannot be foreseen.
  std::vector<double> load_of_moves;
  double swap_seconds = 0;  ///< what it costs to exchange two blocks
};

/// Errors: those of the linear programme.
Result<Target> find_target(const TargetRequest& request);

}  // namespace terrace::policy
