// SPDX-License-Identifier: Apache-2.0
#include "tiering/model/step_model.h"

#include <algorithm>

namespace terrace::model {
namespace {

// A limit that predicts this much more than was recorded is within a recording's own spread.
constexpr double kFitTolerance = 1.02;

void add_phase(const Workload& workload, const Rates& rates, const Assignment& where,
               const Phase& phase, std::vector<double>& streamed_on, StepTime& time) {
  const double c = rates.engine_seconds_per_byte;
  const ObjectLoad& object = workload.objects[phase.object];
  std::fill(streamed_on.begin(), streamed_on.end(), 0.0);
  double streamed = 0;
  double seconds = 0;
  for (std::uint32_t i = 0; i < phase.block_count; ++i) {
    const std::uint32_t index = phase.first_block + i;
    const BlockLoad& block = object.blocks[index];
    const std::size_t tier = where[phase.object][index];
    const double transfer = block.bytes_per_step * rates.tier_seconds_per_byte[tier];
    time.tier_busy_seconds[tier] += transfer;
    if (block.access != Access::kStreamed) {
      seconds += std::max(c * block.bytes_per_step, transfer);
    } else {
      streamed += block.bytes_per_step;
      streamed_on[tier] += transfer;
    }
  }
  const double busiest = *std::max_element(streamed_on.begin(), streamed_on.end());
  time.step_seconds += seconds + std::max(c * streamed, busiest);
}

double predicted(const Workload& workload, const std::vector<double>& tiers,
                 const Assignment& where, double seconds_per_byte) {
  return step_time(workload, Rates{seconds_per_byte, tiers}, where).step_seconds;
}

}  // namespace

StepTime step_time(const Workload& workload, const Rates& rates, const Assignment& where) {
  StepTime time;
  time.tier_busy_seconds.assign(rates.tier_seconds_per_byte.size(), 0.0);
  time.compute_seconds = rates.engine_seconds_per_byte * workload.total_bytes_per_step();
  std::vector<double> streamed_on(rates.tier_seconds_per_byte.size());
  for (const Phase& phase : workload.phases) {
    add_phase(workload, rates, where, phase, streamed_on, time);
  }
  return time;
}

EngineFit fit_engine(const Workload& workload, const std::vector<double>& tier_seconds_per_byte,
                     const Assignment& recorded, const EngineLimits& limits) {
  const double target = workload.step_seconds;
  const auto time_at = [&](double c) {
    return predicted(workload, tier_seconds_per_byte, recorded, c);
  };
  double low = limits.one_thread > 0 ? limits.one_thread : limits.all_threads;
  double low_time = time_at(low);
  if (low_time > target && limits.all_threads > 0 && limits.all_threads < low) {
    low = limits.all_threads;
    low_time = time_at(low);
  }
  if (low_time >= target) return {low, low_time, low_time > target * kFitTolerance};
  double high = std::max(low, target / workload.total_bytes_per_step());
  while (time_at(high) < target) high *= 2;
  for (int i = 0; i < 100 && high - low > 1e-12 * high; ++i) {
    const double middle = low + (high - low) / 2;
    (time_at(middle) < target ? low : high) = middle;
  }
  return {high, time_at(high), false};
}

}  // namespace terrace::model
