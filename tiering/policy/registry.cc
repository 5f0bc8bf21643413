// SPDX-License-Identifier: Apache-2.0
#include "tiering/policy/registry.h"

#include <array>

namespace terrace::policy {
namespace {

constexpr std::array kPolicies = {
    PolicySpec{"first-touch", "fastest tier until it is full, then the next; nothing moves",
               "Linux's default memory policy", make_first_touch},
    PolicySpec{"interleave", "equal shares, block by block; nothing moves", "Linux MPOL_INTERLEAVE",
               make_interleave},
    PolicySpec{"weighted", "shares by bandwidth, block by block; nothing moves",
               "Linux MPOL_WEIGHTED_INTERLEAVE", make_weighted_interleave},
    PolicySpec{"lru", "each touched block to the fast tier, the least recent one out", "textbook",
               make_lru},
    PolicySpec{"clock", "the same with one reference bit a block", "Corbato 1968", make_clock},
    PolicySpec{"tpp", "hint faults promote what was active before, cold blocks are demoted ahead",
               "Al Maruf et al., ASPLOS 2023", make_hint_fault},
    PolicySpec{"memtis", "access histogram; what fits above its threshold is promoted",
               "Lee et al., SOSP 2023", make_histogram},
    PolicySpec{"colloid", "moves heat until the tiers answer equally late",
               "Vuppalapati and Agarwal, SOSP 2024", make_latency_balance},
    PolicySpec{"plan", "Terrace: the planner's placement from a recording; nothing moves",
               "docs/model.md", make_static_plan},
    PolicySpec{"online", "Terrace: plans again from decayed heat, moves what pays back",
               "docs/simulator.md", make_online},
};

}  // namespace

std::span<const PolicySpec> policies() {
  return kPolicies;
}

const PolicySpec* find_policy(std::string_view name) {
  for (const PolicySpec& spec : kPolicies) {
    if (spec.name == name) return &spec;
  }
  return nullptr;
}

}  // namespace terrace::policy
