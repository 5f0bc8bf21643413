// SPDX-License-Identifier: Apache-2.0
// What a KV block costs to compute again, by its place in the prefix: each of its tokens passes
// through the weights, which costs the same anywhere, and attends to all tokens before it, which
// grows with their number (docs/catalogue.md: flops of matrices, flops of attention). So a block
// costs 1 + growth * (blocks before it), in units of a first block. Whoever knows the model gives
// the growth (wall/first_token.h does); unknown is flat.
// A value: thread-safe, never allocates.
#pragma once

#include <cstdint>

namespace terrace::policy {

struct RecomputeCost {
  /// Share of a first block's cost that each block before it adds. 0: every block costs the same.
  double growth = 0;

  constexpr double of(std::uint32_t position) const { return 1 + growth * position; }
};

}  // namespace terrace::policy
