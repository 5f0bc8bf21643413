// SPDX-License-Identifier: Apache-2.0
#include "tiering/plan/machine_figures.h"

#include <cmath>

namespace terrace::plan {

double known_bandwidth(const Tier& tier) {
  return tier.read_bandwidth.known() ? tier.read_bandwidth.value.value
                                     : tier.read_bandwidth_one.value.value;
}

const Tier* tier_named(const std::vector<Tier>& tiers, const std::string& name) {
  for (const Tier& tier : tiers) {
    if (tier.name == name) return &tier;
  }
  return nullptr;
}

Result<std::vector<double>> seconds_per_byte(const std::vector<Tier>& tiers,
                                             const std::vector<Tier>& fallback) {
  std::vector<double> result;
  for (const Tier& tier : tiers) {
    double bandwidth = known_bandwidth(tier);
    if (const Tier* other = tier_named(fallback, tier.name); !(bandwidth > 0) && other != nullptr) {
      bandwidth = known_bandwidth(*other);
    }
    if (!(bandwidth > 0) || !std::isfinite(bandwidth)) {
      return make_error(ErrorCode::kUsage, 0,
                        "plan: tier %s has no known bandwidth; run `terrace calibrate`, or state "
                        "it in the tier file",
                        tier.name.c_str());
    }
    result.push_back(1 / (bandwidth * 1e9));
  }
  return result;
}

Result<std::vector<std::uint64_t>> capacity_blocks(const std::vector<Tier>& tiers,
                                                   double headroom) {
  std::vector<std::uint64_t> blocks;
  for (const Tier& tier : tiers) {
    if (!tier.capacity.known()) {
      return make_error(ErrorCode::kUsage, 0,
                        "plan: the capacity of tier %s is unknown; state it in the tier file",
                        tier.name.c_str());
    }
    if (tier.capacity.value.value == 0) {
      return make_error(ErrorCode::kUsage, 0,
                        "plan: tier %s has 0 usable bytes; give it capacity in the tier file, or "
                        "remove it there",
                        tier.name.c_str());
    }
    const double usable = static_cast<double>(tier.capacity.value.value) * (1 - headroom);
    blocks.push_back(static_cast<std::uint64_t>(usable) >> kBlockShift);
  }
  if (blocks.front() == 0) {
    return make_error(ErrorCode::kUsage, 0,
                      "plan: the fastest tier, %s, has %llu usable bytes, less than one block of "
                      "2 MiB; give it capacity or remove it from the tier file",
                      tiers.front().name.c_str(),
                      static_cast<unsigned long long>(tiers.front().capacity.value.value));
  }
  return blocks;
}

}  // namespace terrace::plan
