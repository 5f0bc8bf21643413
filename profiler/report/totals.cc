// SPDX-License-Identifier: Apache-2.0
#include "profiler/report/totals.h"

#include "allocators/base/block_bytes.h"

namespace terrace::report {

double block_bytes(const heat::ObjectHeat& object, std::size_t block) {
  return static_cast<double>(bytes_in_block(Bytes(object.key.size_bytes), block).value);
}

std::vector<TierTotal> totals_of(const heat::HeatMap& map, const heat::ObjectHeat& object) {
  std::vector<TierTotal> totals(map.tiers.size());
  for (std::size_t block = 0; block < object.block_bytes_per_second.size(); ++block) {
    const std::size_t tier = block < object.block_tiers.size() ? object.block_tiers[block] : 0;
    if (tier >= totals.size()) continue;
    totals[tier].bytes += block_bytes(object, block);
    totals[tier].bytes_per_second += object.block_bytes_per_second[block];
  }
  return totals;
}

std::vector<TierTotal> totals_of(const heat::HeatMap& map) {
  std::vector<TierTotal> totals(map.tiers.size());
  for (const heat::ObjectHeat& object : map.objects) {
    const std::vector<TierTotal> part = totals_of(map, object);
    for (std::size_t tier = 0; tier < totals.size(); ++tier) {
      totals[tier].bytes += part[tier].bytes;
      totals[tier].bytes_per_second += part[tier].bytes_per_second;
    }
  }
  return totals;
}

}  // namespace terrace::report
