// SPDX-License-Identifier: Apache-2.0
#include "tiering/simulate/machine_of.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "allocators/base/count_of.h"
#include "allocators/base/number_of.h"
#include "allocators/base/text.h"
#include "tiering/plan/machine_figures.h"

namespace terrace::simulate {
namespace {

// Of a tier whose latency nobody measured: nominal, by its kind.
constexpr double kDramLatencyNs = 100;
constexpr double kSlowLatencyNs = 250;

// "0.25", "25%", "1/4".
std::optional<double> parse_ratio(std::string_view text) {
  if (!text.empty() && text.back() == '%') {
    const auto percent = number_of<double>(text.substr(0, text.size() - 1));
    return percent ? std::optional(*percent / 100) : std::nullopt;
  }
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return number_of<double>(text);
  const auto above = number_of<double>(text.substr(0, slash));
  const auto below = number_of<double>(text.substr(slash + 1));
  if (!above || !below || *below == 0) return std::nullopt;
  return *above / *below;
}

double latency_of(const Tier& tier) {
  if (tier.idle_latency.known()) return static_cast<double>(tier.idle_latency.value.value);
  return tier.kind == TierKind::kHbm || tier.kind == TierKind::kDram ? kDramLatencyNs
                                                                     : kSlowLatencyNs;
}

Tier tier_of(const char* name, TierKind kind, std::uint64_t blocks, GBps bandwidth,
             double latency_ns) {
  Tier tier;
  tier.name = name;
  tier.kind = kind;
  tier.nodes = {NodeId(0)};
  tier.capacity = {Bytes(blocks * kBlockBytes.value), Provenance::kUserFile};
  tier.read_bandwidth = {bandwidth, Provenance::kUserFile};
  tier.idle_latency = {Nanoseconds(static_cast<std::uint64_t>(latency_ns)), Provenance::kGuess};
  return tier;
}

}  // namespace

Result<double> parse_fast_share(std::string_view text) {
  const auto share = parse_ratio(text);
  if (share && *share > 0 && *share <= 1) return *share;
  return make_error(ErrorCode::kUsage, 0,
                    "--fast: \"%.*s\" is no share of the workload; write above 0%% to 100%%, as in "
                    "50%% or 0.5",
                    shown(text), text.data());
}

Result<double> parse_slow_ratio(std::string_view text) {
  const auto ratio = parse_ratio(text);
  if (ratio && *ratio > 0 && *ratio <= 1) return *ratio;
  return make_error(ErrorCode::kUsage, 0,
                    "--slow-ratio: \"%.*s\" is no ratio of bandwidths; write above 0 to 1, as in "
                    "1/4 or 0.25",
                    shown(text), text.data());
}

Topology two_tiers(const TwoTiers& shape, std::uint32_t blocks) {
  const auto fast = std::max<std::uint64_t>(
      1, static_cast<std::uint64_t>(std::llround(shape.fast_share * static_cast<double>(blocks))));
  Topology topology;
  topology.machine_id = "simulated";
  topology.tiers = {tier_of("fast", TierKind::kDram, fast, shape.fast_bandwidth, kDramLatencyNs),
                    tier_of("slow", TierKind::kCxl, blocks,
                            GBps(shape.fast_bandwidth.value * shape.slow_ratio), kSlowLatencyNs)};
  return topology;
}

Result<policy::Machine> machine_of(const Topology& topology, double engine_seconds_per_byte,
                                   std::uint32_t blocks) {
  if (topology.tiers.size() < 2) {
    return make_error(ErrorCode::kUsage, 0,
                      "simulate: the machine has %s, and placement needs two; add one in a "
                      "tier file (--tiers), or give --fast and --slow-ratio",
                      count_of(topology.tiers.size(), "tier").c_str());
  }
  policy::Machine machine;
  auto rates = plan::seconds_per_byte(topology.tiers, {});
  if (!rates) return rates.error();
  auto capacity = plan::capacity_blocks(topology.tiers, 0);
  if (!capacity) return capacity.error();
  machine.seconds_per_byte = std::move(*rates);
  machine.capacity_blocks = std::move(*capacity);
  for (const Tier& tier : topology.tiers) machine.idle_latency_ns.push_back(latency_of(tier));
  machine.engine_seconds_per_byte =
      engine_seconds_per_byte > 0 ? engine_seconds_per_byte : machine.seconds_per_byte[0];
  std::uint64_t room = 0;
  for (const std::uint64_t tier : machine.capacity_blocks) room += tier;
  if (room >= blocks) return machine;
  return make_error(
      ErrorCode::kInfeasible, 0,
      "simulate: the workload takes %u MiB, the %zu tiers hold %llu MiB; add capacity", 2 * blocks,
      topology.tiers.size(), 2 * static_cast<unsigned long long>(room));
}

}  // namespace terrace::simulate
