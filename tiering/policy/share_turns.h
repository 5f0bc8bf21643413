// SPDX-License-Identifier: Apache-2.0
// Deals blocks to tiers one at a time in given shares, so that any run of them holds each tier's
// share to within one block. Used by weighted_interleave.cc and online.cc.
// Not thread-safe; allocates on construction and when shares change their number.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

namespace terrace::policy {

class ShareTurns {
 public:
  /// Non-negative, with a positive sum; they need not sum to 1.
  explicit ShareTurns(std::vector<double> shares) { set(std::move(shares)); }

  void set(std::vector<double> shares) {
    double sum = 0;
    for (const double share : shares) sum += share;
    for (double& share : shares) share /= sum;
    shares_ = std::move(shares);
    owed_.resize(shares_.size(), 0.0);
  }

  /// The tier that is furthest behind its share, the faster one on a tie.
  std::uint8_t next() {
    std::size_t most = 0;
    for (std::size_t tier = 0; tier < owed_.size(); ++tier) {
      owed_[tier] += shares_[tier];
      if (owed_[tier] > owed_[most] + 1e-12) most = tier;
    }
    owed_[most] -= 1;
    return static_cast<std::uint8_t>(most);
  }

 private:
  std::vector<double> shares_;
  std::vector<double> owed_;
};

}  // namespace terrace::policy
