// SPDX-License-Identifier: Apache-2.0
// Interleave: blocks go to the tiers in turn; when one is full the others take its turns.
// Source: MPOL_INTERLEAVE, Documentation/admin-guide/mm/numa_memory_policy.rst.
#include "tiering/policy/registry.h"

namespace terrace::policy {
namespace {

class Interleave final : public Policy {
 public:
  explicit Interleave(std::size_t tiers) : tiers_(tiers) {}

  std::uint8_t tier_for(BlockId) override {
    const std::size_t tier = next_;
    next_ = (next_ + 1) % tiers_;
    return static_cast<std::uint8_t>(tier);
  }

 private:
  std::size_t tiers_;
  std::size_t next_ = 0;
};

}  // namespace

std::unique_ptr<Policy> make_interleave(const PolicyContext& context) {
  return std::make_unique<Interleave>(context.machine.tiers());
}

}  // namespace terrace::policy
