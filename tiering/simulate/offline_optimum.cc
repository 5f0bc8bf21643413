// SPDX-License-Identifier: Apache-2.0
#include "tiering/simulate/offline_optimum.h"

#include <algorithm>
#include <map>

#include <terrace/units.h>

#include "tiering/plan/programme.h"

namespace terrace::simulate {
namespace {

constexpr double kBlock = static_cast<double>(kBlockBytes.value);

}  // namespace

OfflineOptimum::OfflineOptimum(const policy::Machine& machine, std::uint32_t blocks,
                               std::uint64_t window_steps, std::uint64_t first_step)
    : machine_(machine),
      window_steps_(window_steps),
      next_step_(first_step),
      streamed_(blocks, 0),
      routed_(blocks, 0) {}

Status OfflineOptimum::step(std::span<const Event> events) {
  for (const Event& event : events) {
    if (event.kind != EventKind::kStream && event.kind != EventKind::kRoute) continue;
    auto& reads = event.kind == EventKind::kStream ? streamed_ : routed_;
    for (std::uint32_t i = 0; i < event.count; ++i) ++reads[event.first + i];
  }
  ++steps_;
  ++next_step_;
  return window_steps_ > 0 && next_step_ % window_steps_ == 0 ? end_window() : ok_status();
}

Status OfflineOptimum::finish() {
  return steps_ > 0 ? end_window() : ok_status();
}

Status OfflineOptimum::end_window() {
  // Blocks by how often they were streamed and routed: alike for the programme.
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint64_t> alike;
  for (std::size_t block = 0; block < streamed_.size(); ++block) {
    if (streamed_[block] + routed_[block] > 0) ++alike[{streamed_[block], routed_[block]}];
  }
  std::vector<std::uint64_t> composition{steps_};
  for (const auto& [reads, blocks] : alike) {
    composition.insert(composition.end(), {reads.first, reads.second, blocks});
  }
  std::fill(streamed_.begin(), streamed_.end(), 0u);
  std::fill(routed_.begin(), routed_.end(), 0u);
  const double steps = static_cast<double>(std::exchange(steps_, 0));
  if (composition == last_composition_) {
    seconds_ += last_step_seconds_ * steps;
    return ok_status();
  }
  plan::Programme programme;
  programme.rates = {machine_.engine_seconds_per_byte, machine_.seconds_per_byte};
  programme.capacity_blocks = machine_.capacity_blocks;
  programme.phase_floor_seconds = {0};
  for (const auto& [reads, blocks] : alike) {
    // A block that is read both ways counts as its larger half alone, for the bound to stay below.
    const bool streams = reads.first >= reads.second;
    const double bytes = kBlock * (streams ? reads.first : reads.second) / steps;
    plan::Range range;
    range.phase = streams ? 0 : plan::kNoPhase;
    range.bytes_per_block = bytes;
    range.blocks.resize(blocks);
    programme.ranges.push_back(std::move(range));
    if (!streams) continue;
    programme.phase_floor_seconds[0] +=
        bytes * static_cast<double>(blocks) * machine_.engine_seconds_per_byte;
  }
  const auto solution = plan::solve(programme);
  if (!solution) return solution.error();
  last_step_seconds_ = solution->step_seconds;
  last_composition_ = std::move(composition);
  seconds_ += last_step_seconds_ * steps;
  return ok_status();
}

}  // namespace terrace::simulate
