// SPDX-License-Identifier: Apache-2.0
#include "tiering/plan/programme_builder.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <tuple>
#include <utility>

namespace terrace::plan::detail {
namespace {

using Signature = std::vector<std::int64_t>;

// Bands within which phases count as nearly alike, tried in turn. The last is one group for all.
constexpr double kBands[] = {0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 10};
constexpr std::size_t kQuarters = 4;

std::int64_t level_of(double bytes, double width) {
  if (!(bytes > 0)) return std::numeric_limits<std::int64_t>::min();
  return static_cast<std::int64_t>(std::floor(std::log(bytes) / std::log1p(width)));
}

// Blocks that may go to the same tiers and come from the same: what a range is made of, but heat.
std::int64_t class_of(const PhaseBlock& block) {
  return static_cast<std::int64_t>(block.allowed) << 8 | block.present;
}

// How many blocks of each class and level, without the common factor.
Signature composition(const std::vector<PhaseBlock>& blocks, double width) {
  std::map<std::pair<std::int64_t, std::int64_t>, std::int64_t> counts;
  for (const PhaseBlock& block : blocks) ++counts[{class_of(block), level_of(block.bytes, width)}];
  std::int64_t divisor = 0;
  for (const auto& [kind, count] : counts) divisor = std::gcd(divisor, count);
  Signature signature;
  for (const auto& [kind, count] : counts) {
    signature.insert(signature.end(), {kind.first, kind.second, count / divisor});
  }
  return signature;
}

// The mean heat of each quarter of the blocks, coldest first, within the band: the cold ones decide
// how much room a slow tier's share of the phase frees.
Signature likeness(std::vector<PhaseBlock> blocks, double band) {
  std::sort(blocks.begin(), blocks.end(),
            [](const PhaseBlock& a, const PhaseBlock& b) { return a.bytes < b.bytes; });
  Signature signature;
  for (std::size_t quarter = 0; quarter < kQuarters; ++quarter) {
    const std::size_t begin = quarter * blocks.size() / kQuarters;
    const std::size_t end = (quarter + 1) * blocks.size() / kQuarters;
    double bytes = 0;
    for (std::size_t i = begin; i < end; ++i) bytes += blocks[i].bytes;
    if (begin == end) continue;
    signature.push_back(level_of(bytes / static_cast<double>(end - begin), band));
  }
  return signature;
}

template <typename SignatureOf>
std::uint32_t number_groups(const std::vector<std::vector<PhaseBlock>>& phases,
                            std::vector<std::uint32_t>& group_of, const SignatureOf& signature_of) {
  std::map<Signature, std::uint32_t> numbers;
  group_of.clear();
  for (const auto& phase : phases) {
    const auto next = static_cast<std::uint32_t>(numbers.size());
    group_of.push_back(numbers.try_emplace(signature_of(phase), next).first->second);
  }
  return static_cast<std::uint32_t>(numbers.size());
}

using RangeKey = std::tuple<std::uint32_t, std::int64_t, std::int64_t>;  // phase, class, level

}  // namespace

void ProgrammeBuilder::add_phase(std::vector<PhaseBlock> blocks) {
  if (!blocks.empty()) phases_.push_back(std::move(blocks));
}

std::size_t ProgrammeBuilder::count_ranges() const {
  std::vector<RangeKey> keys;
  for (std::size_t p = 0; p < phases_.size(); ++p) {
    for (const PhaseBlock& block : phases_[p]) {
      keys.emplace_back(group_of_[p], class_of(block), level_of(block.bytes, level_width_));
    }
  }
  std::sort(keys.begin(), keys.end());
  return static_cast<std::size_t>(std::unique(keys.begin(), keys.end()) - keys.begin());
}

bool ProgrammeBuilder::fits(double level_width, std::size_t most) {
  level_width_ = level_width;
  groups_ = number_groups(phases_, group_of_,
                          [&](const auto& phase) { return composition(phase, level_width); });
  return groups_ <= most && count_ranges() <= most;
}

void ProgrammeBuilder::group(double level_width, std::size_t most) {
  if (fits(level_width, most)) return;
  for (const double band : kBands) {
    groups_ =
        number_groups(phases_, group_of_, [&](const auto& phase) { return likeness(phase, band); });
    if (groups_ <= most && count_ranges() <= most) return;
  }
  group_of_.assign(phases_.size(), 0);
  groups_ = 1;
}

void ProgrammeBuilder::build(Programme& programme, RangeHeat heat) const {
  programme.phase_floor_seconds.assign(groups_, 0.0);
  std::map<RangeKey, std::size_t> numbers;
  std::vector<double> sums;
  std::vector<double> least;
  const auto add = [&](std::uint32_t phase, const PhaseBlock& block) {
    const RangeKey key{phase, class_of(block), level_of(block.bytes, level_width_)};
    const auto [entry, is_new] = numbers.try_emplace(key, programme.ranges.size());
    if (is_new) {
      programme.ranges.push_back({phase, 0, block.allowed, block.present, {}});
      sums.push_back(0);
      least.push_back(block.bytes);
    }
    programme.ranges[entry->second].blocks.push_back(block.where);
    sums[entry->second] += block.bytes;
    least[entry->second] = std::min(least[entry->second], block.bytes);
  };
  for (std::size_t p = 0; p < phases_.size(); ++p) {
    for (const PhaseBlock& block : phases_[p]) {
      programme.phase_floor_seconds[group_of_[p]] += block.bytes * engine_seconds_per_byte_;
      add(group_of_[p], block);
    }
  }
  for (const PhaseBlock& block : alone_) add(kNoPhase, block);
  for (std::size_t r = 0; r < programme.ranges.size(); ++r) {
    Range& range = programme.ranges[r];
    range.bytes_per_block =
        heat == RangeHeat::kLeast ? least[r] : sums[r] / static_cast<double>(range.blocks.size());
  }
}

}  // namespace terrace::plan::detail
