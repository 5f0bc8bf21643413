// SPDX-License-Identifier: Apache-2.0
// First touch: a block goes to the fastest tier that has room and stays there.
// Source: the kernel's default policy, Documentation/admin-guide/mm/numa_memory_policy.rst (local
// allocation with fallback to the next node of the zone list).
#include "tiering/policy/registry.h"

namespace terrace::policy {
namespace {

class FirstTouch final : public Policy {
 public:
  std::uint8_t tier_for(BlockId) override { return 0; }
};

}  // namespace

std::unique_ptr<Policy> make_first_touch(const PolicyContext&) {
  return std::make_unique<FirstTouch>();
}

}  // namespace terrace::policy
