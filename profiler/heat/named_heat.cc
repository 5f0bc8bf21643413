// SPDX-License-Identifier: Apache-2.0
#include "profiler/heat/named_heat.h"

#include <algorithm>
#include <cmath>

namespace terrace::heat {
namespace {

constexpr std::uint64_t kBlock = kBlockBytes.value;

/// Bytes read a second for each byte of a block; the last block may be cut short.
double density(const ObjectHeat& object, std::size_t block) {
  const std::uint64_t begin = block * kBlock;
  const auto bytes = static_cast<double>(std::min(kBlock, object.key.size_bytes - begin));
  return bytes > 0 ? object.block_bytes_per_second[block] / bytes : 0;
}

/// How much the block differs from those beside it, in bytes a second for each byte.
double difference_around(const ObjectHeat& object, std::size_t block) {
  const double here = density(object, block);
  double difference = 0;
  if (block > 0) difference = std::fabs(here - density(object, block - 1));
  if (block + 1 < object.block_bytes_per_second.size()) {
    difference = std::max(difference, std::fabs(here - density(object, block + 1)));
  }
  return difference;
}

NamedHeat heat_of_range(const session::NamedRange& range, const ObjectHeat& object,
                        std::size_t tier_count) {
  NamedHeat named;
  named.range = range;
  named.tier_bytes.resize(tier_count);
  double edges_squared = 0;
  const std::uint64_t end = range.first_byte + range.size.value;
  for (std::uint64_t at = range.first_byte; at < end;) {
    const std::size_t block = at / kBlock;
    if (block >= object.block_bytes_per_second.size()) break;
    const std::uint64_t whole = std::min(kBlock, object.key.size_bytes - block * kBlock);
    const std::uint64_t next = std::min(end, (block + 1) * kBlock);
    const auto overlap = static_cast<double>(next - at);
    named.bytes_per_second += density(object, block) * overlap;
    if (next - at < whole) edges_squared += std::pow(difference_around(object, block) * overlap, 2);
    const std::size_t tier = block < object.block_tiers.size() ? object.block_tiers[block] : 0;
    if (tier < tier_count) named.tier_bytes[tier] += overlap;
    at = next;
  }
  if (named.bytes_per_second <= 0) return named;
  const double share = named.bytes_per_second / object.bytes_per_second();
  const double counts = object.relative_error / std::sqrt(std::min(share, 1.0));
  named.relative_error = std::hypot(counts, std::sqrt(edges_squared) / named.bytes_per_second);
  return named;
}

}  // namespace

std::vector<NamedHeat> heat_by_name(const std::vector<session::NamedRange>& names,
                                    const ObjectHeat& object, std::size_t tier_count) {
  std::vector<NamedHeat> heat;
  heat.reserve(names.size());
  for (const session::NamedRange& range : names) {
    heat.push_back(heat_of_range(range, object, tier_count));
  }
  return heat;
}

}  // namespace terrace::heat
