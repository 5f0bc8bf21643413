// SPDX-License-Identifier: Apache-2.0
// Weighted interleave: blocks go to the tiers in proportion to their bandwidths.
// Source: MPOL_WEIGHTED_INTERLEAVE, Linux 6.9, Documentation/ABI/testing/
// sysfs-kernel-mm-mempolicy-weighted-interleave; weights by bandwidth as the kernel's automatic
// ones (6.16).
#include "tiering/policy/registry.h"
#include "tiering/policy/share_turns.h"

namespace terrace::policy {
namespace {

class WeightedInterleave final : public Policy {
 public:
  explicit WeightedInterleave(const Machine& machine) : turns_(bandwidths(machine)) {}

  std::uint8_t tier_for(BlockId) override { return turns_.next(); }

 private:
  static std::vector<double> bandwidths(const Machine& machine) {
    std::vector<double> shares;
    for (const double seconds : machine.seconds_per_byte) shares.push_back(1 / seconds);
    return shares;
  }

  ShareTurns turns_;
};

}  // namespace

std::unique_ptr<Policy> make_weighted_interleave(const PolicyContext& context) {
  return std::make_unique<WeightedInterleave>(context.machine);
}

}  // namespace terrace::policy
