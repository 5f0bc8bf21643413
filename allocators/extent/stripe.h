// SPDX-License-Identifier: Apache-2.0
// Spreads an object's blocks over tiers in given shares, evenly: every prefix of the object holds
// each tier's share to within one block, so that a scan keeps all tiers busy at the same time.
// Used by the runtime for default policies and by the planner when it rounds shares to blocks.
// Thread-safe, never allocates, O(blocks x tiers).
#pragma once

#include <cstdint>

namespace terrace::extent {

/// Writes a tier index into out[0..blocks). `shares` has `tier_count` (<= 16) non-negative entries
/// with a positive sum; they need not sum to 1. Error diffusion: each block goes to the tier that
/// is furthest behind its share, the faster (lower) index on a tie.
inline void stripe_blocks(const double* shares, std::uint32_t tier_count, std::uint8_t* out,
                          std::uint64_t blocks) {
  double sum = 0;
  for (std::uint32_t tier = 0; tier < tier_count; ++tier) sum += shares[tier];
  double owed[16] = {};
  for (std::uint64_t block = 0; block < blocks; ++block) {
    std::uint32_t most = 0;
    for (std::uint32_t tier = 0; tier < tier_count; ++tier) {
      owed[tier] += shares[tier] / sum;
      if (owed[tier] > owed[most] + 1e-12) most = tier;
    }
    owed[most] -= 1;
    out[block] = static_cast<std::uint8_t>(most);
  }
}

}  // namespace terrace::extent
