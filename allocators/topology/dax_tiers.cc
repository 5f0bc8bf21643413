// SPDX-License-Identifier: Apache-2.0
#include "allocators/topology/dax_tiers.h"

#include <algorithm>
#include <string>
#include <utility>

namespace terrace {
namespace {

std::string unused_name(const std::string& wanted, const std::vector<Tier>& tiers) {
  const auto taken = [&](const std::string& name) {
    return std::any_of(tiers.begin(), tiers.end(),
                       [&](const Tier& tier) { return tier.name == name; });
  };
  std::string name = wanted;
  for (int number = 2; taken(name); ++number) name = wanted + std::to_string(number);
  return name;
}

Tier tier_of(const DaxDevice& device) {
  Tier tier;
  tier.name = device.kind == TierKind::kUnknown ? device.name : name_of(device.kind);
  tier.kind = device.kind;
  tier.backing = BackingKind::kDax;
  tier.use = device.use;
  tier.path = "/dev/" + device.name;
  tier.mapping_unit = device.align;
  tier.capacity = {Bytes(device.size.value / device.align.value * device.align.value),
                   Provenance::kSysfs};
  tier.read_bandwidth = device.read_bandwidth;
  tier.idle_latency = device.read_latency;
  return tier;
}

Tier tier_of(const DaxMount& mount) {
  Tier tier;
  tier.name = name_of(TierKind::kPmem);
  tier.kind = TierKind::kPmem;
  tier.backing = BackingKind::kDax;
  tier.use = Use::kOnRequest;
  tier.path = mount.folder;
  tier.capacity = mount.free;
  return tier;
}

}  // namespace

void add_dax_tiers(const MachineFacts& facts, std::vector<Tier>& tiers) {
  const auto add = [&](Tier tier) {
    tier.name = unused_name(tier.name, tiers);
    tiers.push_back(std::move(tier));
  };
  for (const DaxDevice& device : facts.dax) {
    const bool mapped = device.driver == DaxDriver::kDeviceDax && device.may_open;
    const bool fits = device.align <= kBlockBytes && device.size >= kBlockBytes;
    if (mapped && fits) add(tier_of(device));
  }
  for (const DaxMount& mount : facts.mounts) add(tier_of(mount));
}

}  // namespace terrace
