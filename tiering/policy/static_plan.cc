// SPDX-License-Identifier: Apache-2.0
// Terrace's static plan: each block where the planner (tiering/plan/planner.h) put it, from a
// recording of another run of the same workload; what the plan does not name goes by first touch.
// Source: docs/model.md.
#include "tiering/policy/registry.h"

namespace terrace::policy {
namespace {

class StaticPlan final : public Policy {
 public:
  explicit StaticPlan(const std::vector<std::uint8_t>& tiers) : tiers_(tiers) {}

  std::uint8_t tier_for(BlockId block) override {
    return block < tiers_.size() && tiers_[block] != kNowhere ? tiers_[block] : std::uint8_t{0};
  }

 private:
  const std::vector<std::uint8_t>& tiers_;
};

}  // namespace

std::unique_ptr<Policy> make_static_plan(const PolicyContext& context) {
  return std::make_unique<StaticPlan>(context.planned_tiers);
}

}  // namespace terrace::policy
