// SPDX-License-Identifier: Apache-2.0
#include "profiler/heat/lives.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <map>
#include <tuple>
#include <utility>
#include <vector>

namespace terrace::heat {
namespace {

using Key = std::tuple<std::uint64_t, std::uint64_t, std::uint32_t, Origin>;
using Lives = std::vector<ObjectHeat>;

Key key_of(const ObjectHeat& object) {
  return {object.key.site_hash, object.key.size_bytes, object.key.ordinal, object.key.origin};
}

/// `rates` of each life, by block, in the mean over the lives. Empty when one life has none.
template <typename Rates>
std::vector<double> mean_rates(const Lives& lives, const std::vector<double>& weights,
                               Rates rates) {
  std::vector<double> mean((lives.front().*rates).size(), 0.0);
  for (std::size_t i = 0; i < lives.size(); ++i) {
    const std::vector<double>& of_life = lives[i].*rates;
    if (of_life.size() != mean.size()) return {};
    for (std::size_t b = 0; b < mean.size(); ++b) mean[b] += weights[i] * of_life[b];
  }
  return mean;
}

/// Each life's part of all their time; equal parts when none lasted.
std::vector<double> weights_of(const Lives& lives) {
  double whole = 0;
  for (const ObjectHeat& life : lives) whole += life.lifetime_share;
  std::vector<double> weights;
  for (const ObjectHeat& life : lives) {
    weights.push_back(whole > 0 ? life.lifetime_share / whole
                                : 1 / static_cast<double>(lives.size()));
  }
  return weights;
}

ObjectHeat joined(Lives lives) {
  // The longest life first: what is not summed is its.
  std::stable_sort(lives.begin(), lives.end(), [](const ObjectHeat& a, const ObjectHeat& b) {
    return a.lifetime_share > b.lifetime_share;
  });
  const std::vector<double> weights = weights_of(lives);
  ObjectHeat one = lives.front();
  one.block_bytes_per_second = mean_rates(lives, weights, &ObjectHeat::block_bytes_per_second);
  one.block_bytes_written_per_second =
      mean_rates(lives, weights, &ObjectHeat::block_bytes_written_per_second);
  one.lifetime_share = 0;
  one.watched_seconds = 0;
  double variance = 0;
  for (std::size_t i = 0; i < lives.size(); ++i) {
    one.lifetime_share += lives[i].lifetime_share;
    one.watched_seconds += lives[i].watched_seconds;
    one.written_known_bytes = std::min(one.written_known_bytes, lives[i].written_known_bytes);
    if (one.source == "none") one.source = lives[i].source;
    const double error = weights[i] * lives[i].bytes_per_second() * lives[i].relative_error;
    variance += error * error;
  }
  one.lifetime_share = std::min(one.lifetime_share, 1.0);
  const double rate = one.bytes_per_second();
  if (rate > 0) one.relative_error = std::sqrt(variance) / rate;
  return one;
}

}  // namespace

void join_lives(HeatMap& map) {
  std::map<Key, std::size_t> place;
  std::vector<Lives> objects;
  for (ObjectHeat& object : map.objects) {
    const auto [found, added] = place.emplace(key_of(object), objects.size());
    if (added) objects.emplace_back();
    objects[found->second].push_back(std::move(object));
  }
  map.objects.clear();
  for (Lives& lives : objects) {
    map.objects.push_back(lives.size() == 1 ? std::move(lives.front()) : joined(std::move(lives)));
  }
  std::stable_sort(map.objects.begin(), map.objects.end(),
                   [](const ObjectHeat& a, const ObjectHeat& b) {
                     return a.bytes_per_second() > b.bytes_per_second();
                   });
}

}  // namespace terrace::heat
