// SPDX-License-Identifier: Apache-2.0
#include "profiler/heat/recorded_facts.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace terrace::heat {
namespace {

template <typename Value>
Figure<Value> figure_of(Value value, bool known, Provenance from) {
  return {value, known ? from : Provenance::kUnknown};
}

Tier tier_of(const session::TierRecord& record) {
  Tier tier;
  tier.name = text_of(record.name, sizeof record.name);
  if (record.kind <= static_cast<std::uint8_t>(TierKind::kFile)) {
    tier.kind = static_cast<TierKind>(record.kind);
  }
  if (record.backing <= static_cast<std::uint8_t>(BackingKind::kDax)) {
    tier.backing = static_cast<BackingKind>(record.backing);
  }
  const Provenance from = tier.emulated() ? Provenance::kUserFile : Provenance::kGuess;
  const double bandwidth = record.bandwidth_gbps;
  tier.capacity = figure_of(Bytes(record.capacity_bytes), record.capacity_bytes > 0, from);
  tier.read_bandwidth = figure_of(GBps(bandwidth), std::isfinite(bandwidth) && bandwidth > 0, from);
  tier.idle_latency = figure_of(Nanoseconds(record.latency_ns), record.latency_ns > 0, from);
  return tier;
}

}  // namespace

std::string text_of(const char* field, std::size_t capacity) {
  return {field, ::strnlen(field, capacity)};
}

std::vector<Tier> tiers_of(const session::Session& session) {
  std::vector<Tier> tiers;
  for (const session::TierRecord& record : session.tiers) tiers.push_back(tier_of(record));
  return tiers;
}

bool is_emulated(const session::Session& session) {
  const std::vector<Tier> tiers = tiers_of(session);
  return session.header.emulated != 0 ||
         std::any_of(tiers.begin(), tiers.end(), [](const Tier& tier) { return tier.emulated(); });
}

}  // namespace terrace::heat
