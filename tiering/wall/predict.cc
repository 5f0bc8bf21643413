// SPDX-License-Identifier: Apache-2.0
#include "tiering/wall/predict.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace terrace::wall {
namespace {

// Read bandwidth that memory delivers over its nominal one, where both are known (DDR5 in
// practice, x0.87). The fitted shares are of nominal bandwidth; a measured figure holds this loss.
constexpr double kMeasuredOverNominal = 0.87;
// A layer's tensors are read in turn (q, k, v, attention, output, gate and up, down): each begins
// with an access that nothing has run ahead of.
constexpr double kDependentAccesses = 7;
// Latency of a tier that is read at full bandwidth over its idle latency, where no curve says
// better: a DDR5 socket with reads only.
constexpr double kLoadedOverIdle = 2.01;
// A tier with less of the reads than this holds only what nobody waits for.
constexpr double kWaitedFor = 1e-3;
// Times that differ by less are a stripe's.
constexpr double kEquallyLong = 1e-3;
// Reads count as bound by capacity when a larger fastest tier would save this share of the step.
constexpr double kCapacityGain = 0.1;

Unpacking unpacking_on(const WallMachine& machine, const WallTier& tier, FormatFamily family) {
  if (machine.kernels != KernelClass::kHybrid) return unpacking_of(machine.kernels, family);
  return unpacking_of(tier.host_kernels ? KernelClass::kHost : KernelClass::kGpu, family);
}

std::vector<TierRoom> rooms_of(const WallMachine& machine, const std::vector<double>& gbps) {
  std::vector<TierRoom> rooms;
  for (std::size_t t = 0; t < gbps.size(); ++t)
    rooms.push_back({machine.tiers[t].capacity_bytes, gbps[t] * 1e9, machine.tiers[t].group});
  return rooms;
}

std::vector<ByteClass> classes_of(const WallLoad& load) {
  std::vector<ByteClass> classes;
  for (const WallLoad::Class& one : load.classes)
    classes.push_back({one.resident, one.read + one.written});
  return classes;
}

double latency_of(const WallTier& tier) {
  const double idle = tier.idle_latency_ns * kLoadedOverIdle;
  return (tier.loaded_latency_ns > 0 ? tier.loaded_latency_ns : idle) * 1e-9;
}

/// Starts of a step whose reads lie as `placement` says: a stripe waits for its slowest part.
double start_seconds(const DecodeFit& fit, const WallMachine& machine, const WallLoad& load,
                     const Placement& placement) {
  double all = 0;
  for (std::size_t t = 0; t < placement.tier_seconds.size(); ++t) all += placement.tier_seconds[t];
  double latency = 0;
  for (std::size_t t = 0; t < placement.tier_seconds.size(); ++t) {
    if (placement.tier_seconds[t] > kWaitedFor * all)
      latency = std::max(latency, latency_of(machine.tiers[t]));
  }
  return load.layers * (fit.layer_seconds + kDependentAccesses * latency);
}

struct Tried {
  Placement placement;
  double starts = 0;
};

/// A slow tier brings bandwidth and capacity, and its latency. So each prefix of the tiers is
/// tried, and the fastest step wins.
Result<Tried> best_candidate(const DecodeFit& fit, const WallMachine& machine, const WallLoad& load,
                             const std::vector<TierRoom>& rooms) {
  const std::vector<ByteClass> classes = classes_of(load);
  Result<Tried> best = make_error(ErrorCode::kInfeasible, 0, "a machine without memory");
  for (std::size_t count = 1; count <= rooms.size(); ++count) {
    Result<Placement> placed =
        place_bytes(classes, {rooms.begin(), rooms.begin() + static_cast<std::ptrdiff_t>(count)});
    if (!placed.ok()) {
      if (!best.ok()) best = placed.error();
      continue;
    }
    const double starts = start_seconds(fit, machine, load, *placed);
    if (!best.ok() || placed->seconds + starts < best->placement.seconds + best->starts)
      best = Tried{std::move(*placed), starts};
  }
  if (!best.ok()) return best;
  best->placement.tier_seconds.resize(rooms.size());
  for (std::vector<double>& row : best->placement.resident) row.resize(rooms.size());
  return best;
}

/// The step's memory time if the fastest tier had room for everything.
double roomy_seconds(const WallLoad& load, std::vector<TierRoom> rooms) {
  rooms.front().capacity = load.resident() + 1;
  const Result<Placement> placed = place_bytes(classes_of(load), rooms);
  return placed.ok() ? placed->seconds : 0;
}

/// The tier that takes longest. Tiers of a stripe take equally long: then the fastest of them.
std::size_t slowest_tier(const Placement& placement) {
  const std::vector<double>& seconds = placement.tier_seconds;
  const double longest = *std::max_element(seconds.begin(), seconds.end());
  std::size_t tier = 0;
  while (seconds[tier] < longest * (1 - kEquallyLong)) ++tier;
  return tier;
}

void name_bound(StepPrediction& step, const WallMachine& machine, const WallLoad& load,
                const std::vector<TierRoom>& rooms) {
  const double longest = std::max({step.compute_seconds, step.memory_seconds, step.start_seconds});
  if (step.start_seconds == longest) {
    step.bound = Bound::kLatency;
    return;
  }
  if (step.compute_seconds == longest) {
    step.bound = Bound::kCompute;
    return;
  }
  const WallTier& tier = machine.tiers[slowest_tier(step.placement)];
  step.bound_by = tier.name;
  step.bound = Bound::kBandwidth;
  if (tier.link_gbps > 0) step.bound = Bound::kLink;
  if (roomy_seconds(load, rooms) < step.memory_seconds * (1 - kCapacityGain)) {
    step.bound = Bound::kCapacity;
    step.bound_by = machine.tiers.front().name;
  }
}

void add_interval(const DecodeFit& fit, const Assumptions& assumptions, StepPrediction& step) {
  const double spread = std::max(1.0, fit.spread);
  const double doubt = std::max(1.0, assumptions.compute_spread);
  const auto step_with = [&](double memory, double compute) {
    return std::max(step.memory_seconds * memory, step.compute_seconds * compute) +
           step.start_seconds * memory;
  };
  step.low_seconds = step_with(1 / spread, 1 / doubt);
  step.high_seconds = step_with(spread, doubt);
}

}  // namespace

double WallLoad::read() const {
  double sum = 0;
  for (const Class& one : classes) sum += one.read;
  return sum;
}

double WallLoad::resident() const {
  double sum = 0;
  for (const Class& one : classes) sum += one.resident;
  return sum;
}

double WallLoad::read_of(std::string_view name) const {
  double sum = 0;
  for (const Class& one : classes) sum += one.name == name ? one.read : 0;
  return sum;
}

const char* name_of(Bound bound) {
  switch (bound) {
    case Bound::kBandwidth:
      return "bandwidth";
    case Bound::kCompute:
      return "compute";
    case Bound::kLatency:
      return "latency";
    case Bound::kCapacity:
      return "capacity";
    case Bound::kLink:
      return "link";
  }
  return "unknown";
}

double tier_gbps(const DecodeFit& fit, const WallMachine& machine, const WallTier& tier,
                 FormatFamily family) {
  const Unpacking unpacking = unpacking_on(machine, tier, family);
  const double processors = std::max(1.0, tier.processors);
  double gbps = 0;
  if (tier.measured_gbps > 0) {
    // The knee is in the measurement already.
    const double share = unpacking == Unpacking::kHidden ? fit.hidden_share : fit.unpacking_share;
    gbps = tier.measured_gbps * std::min(1.0, share / kMeasuredOverNominal);
  } else {
    gbps = processors * achieved_gbps(fit, tier.nominal_gbps / processors, unpacking);
  }
  return tier.link_gbps > 0 ? std::min(gbps, tier.link_gbps * kMeasuredOverNominal) : gbps;
}

Result<StepPrediction> predict_step(const DecodeFit& fit, const WallMachine& machine,
                                    const WallLoad& load, const Assumptions& assumptions) {
  StepPrediction step;
  for (const WallTier& tier : machine.tiers)
    step.achieved_gbps.push_back(tier_gbps(fit, machine, tier, assumptions.family));
  const std::vector<TierRoom> rooms = rooms_of(machine, step.achieved_gbps);
  Result<Tried> best = best_candidate(fit, machine, load, rooms);
  if (!best.ok()) return best.error();
  step.placement = std::move(best->placement);
  step.memory_seconds = step.placement.seconds;
  step.start_seconds = best->starts;
  if (machine.flops > 0)
    step.compute_seconds = load.flops / (machine.flops * assumptions.compute_share);
  step.seconds = std::max(step.memory_seconds, step.compute_seconds) + step.start_seconds;
  name_bound(step, machine, load, rooms);
  add_interval(fit, assumptions, step);
  return step;
}

}  // namespace terrace::wall
