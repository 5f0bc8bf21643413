// SPDX-License-Identifier: Apache-2.0
#include "tiering/plan/refine.h"

#include <algorithm>
#include <optional>
#include <queue>
#include <vector>

namespace terrace::plan {
namespace {

using model::Access;
using model::Assignment;
using model::BlockLoad;
using model::Phase;
using model::Rates;
using model::Workload;

// A change counts when it gains this share of the step: far above rounding errors, far below what
// anybody could measure.
constexpr double kWorthwhile = 1e-9;

// One block of a phase to another tier, and what a step gets longer by.
struct Change {
  double seconds = 0;
  std::uint32_t phase = 0;
  std::uint32_t block = 0;    ///< of the phase's object
  std::uint32_t version = 0;  ///< of the phase when it was worked out

  bool operator<(const Change& other) const {  // std::priority_queue has its largest first
    return seconds != other.seconds ? seconds > other.seconds : phase > other.phase;
  }
};

class Refiner {
 public:
  Refiner(const Workload& workload, const Rates& rates, const Constraints& constraints,
          double slow_link_utilisation, const std::vector<std::uint64_t>& usable, Assignment& where)
      : workload_(workload),
        rates_(rates),
        constraints_(constraints),
        where_(where),
        tiers_(usable.size()),
        free_(usable),
        link_seconds_(rates.tier_seconds_per_byte),
        versions_(workload.phases.size(), 0),
        queues_(tiers_ * tiers_) {
    for (std::size_t i = 1; i < tiers_; ++i) link_seconds_[i] /= slow_link_utilisation;
    for (const auto& object : where) {
      for (std::uint8_t tier : object) --free_[tier];
    }
    worthwhile_ = kWorthwhile * rates.engine_seconds_per_byte * workload.total_bytes_per_step();
    for (std::uint32_t p = 0; p < workload.phases.size(); ++p) load_phase(p);
    for (std::uint32_t p = 0; p < workload.phases.size(); ++p) offer_changes(p);
  }

  void run() {
    // Each change gains, so it ends; the limit is for the time that it may take.
    std::uint64_t left = workload_.total_blocks();
    bool changed = true;
    while (changed && left > 0) {
      changed = false;
      for (std::size_t from = 0; from < tiers_; ++from) {
        for (std::size_t to = 0; to < tiers_; ++to) {
          while (left > 0 && from != to && (use_room(from, to) || exchange(from, to))) {
            changed = true;
            --left;
          }
        }
      }
    }
  }

 private:
  using Queue = std::priority_queue<Change>;

  Queue& queue(std::size_t from, std::size_t to) { return queues_[from * tiers_ + to]; }
  double& streamed_on(std::uint32_t phase, std::size_t tier) {
    return streamed_on_[phase * tiers_ + tier];
  }

  void load_phase(std::uint32_t p) {
    const Phase& phase = workload_.phases[p];
    streamed_on_.resize((p + std::size_t{1}) * tiers_, 0.0);
    double streamed = 0;
    for (std::uint32_t i = 0; i < phase.block_count; ++i) {
      const std::uint32_t b = phase.first_block + i;
      const BlockLoad& load = workload_.objects[phase.object].blocks[b];
      if (load.access != Access::kStreamed) continue;
      streamed += load.bytes_per_step;
      streamed_on(p, where_[phase.object][b]) += load.bytes_per_step;
    }
    floors_.push_back(streamed * rates_.engine_seconds_per_byte);
  }

  double phase_seconds(std::uint32_t p) {
    double longest = floors_[p];
    for (std::size_t i = 0; i < tiers_; ++i) {
      longest = std::max(longest, streamed_on(p, i) * link_seconds_[i]);
    }
    return longest;
  }

  double step_change(std::uint32_t p, const BlockLoad& load, std::size_t from, std::size_t to) {
    const double bytes = load.bytes_per_step;
    if (load.access != Access::kStreamed) {
      const double engine = rates_.engine_seconds_per_byte;
      const auto& seconds = rates_.tier_seconds_per_byte;
      return bytes * (std::max(engine, seconds[to]) - std::max(engine, seconds[from]));
    }
    const double before = phase_seconds(p);
    streamed_on(p, from) -= bytes;
    streamed_on(p, to) += bytes;
    const double after = phase_seconds(p);
    streamed_on(p, from) += bytes;
    streamed_on(p, to) -= bytes;
    return after - before;
  }

  double move_change(const BlockRef& ref, std::size_t from, std::size_t to) const {
    const std::uint8_t present = constraints_.present_at(ref);
    if (present == kNowhere) return 0;
    return (move_seconds(rates_, present, static_cast<std::uint8_t>(to)) -
            move_seconds(rates_, present, static_cast<std::uint8_t>(from))) /
           constraints_.steps_in_horizon;
  }

  // The best block of the phase for each pair of tiers.
  void offer_changes(std::uint32_t p) {
    const Phase& phase = workload_.phases[p];
    const model::ObjectLoad& object = workload_.objects[phase.object];
    if (!object.observed) return;
    const TierMask allowed = constraints_.allowed_of(phase.object);
    std::vector<std::optional<Change>> best(tiers_ * tiers_);
    for (std::uint32_t i = 0; i < phase.block_count; ++i) {
      const std::uint32_t b = phase.first_block + i;
      const std::size_t from = where_[phase.object][b];
      for (std::size_t to = 0; to < tiers_; ++to) {
        if (to == from || !allows(allowed, to)) continue;
        const double seconds =
            step_change(p, object.blocks[b], from, to) + move_change({phase.object, b}, from, to);
        std::optional<Change>& entry = best[from * tiers_ + to];
        if (!entry || seconds < entry->seconds) entry = Change{seconds, p, b, versions_[p]};
      }
    }
    for (std::size_t pair = 0; pair < best.size(); ++pair) {
      if (best[pair]) queues_[pair].push(*best[pair]);
    }
  }

  // The best change of these tiers that still holds.
  std::optional<Change> best_change(std::size_t from, std::size_t to) {
    Queue& changes = queue(from, to);
    while (!changes.empty() && changes.top().version != versions_[changes.top().phase]) {
      changes.pop();
    }
    return changes.empty() ? std::nullopt : std::optional<Change>(changes.top());
  }

  void apply(const Change& change, std::size_t from, std::size_t to) {
    const Phase& phase = workload_.phases[change.phase];
    const BlockLoad& load = workload_.objects[phase.object].blocks[change.block];
    where_[phase.object][change.block] = static_cast<std::uint8_t>(to);
    ++free_[from];
    --free_[to];
    if (load.access == Access::kStreamed) {
      streamed_on(change.phase, from) -= load.bytes_per_step;
      streamed_on(change.phase, to) += load.bytes_per_step;
    }
    ++versions_[change.phase];
  }

  bool use_room(std::size_t from, std::size_t to) {
    if (free_[to] == 0) return false;
    const auto change = best_change(from, to);
    if (!change || change->seconds > -worthwhile_) return false;
    apply(*change, from, to);
    offer_changes(change->phase);
    return true;
  }

  // One phase's block goes `to`, another's comes back: no tier's room changes.
  bool exchange(std::size_t from, std::size_t to) {
    const auto there = best_change(from, to);
    if (!there) return false;
    auto back = best_change(to, from);
    if (back && back->phase == there->phase) back = best_change_of_another_phase(to, from);
    if (!back || there->seconds + back->seconds > -worthwhile_) return false;
    apply(*there, from, to);
    apply(*back, to, from);
    offer_changes(there->phase);
    offer_changes(back->phase);
    return true;
  }

  std::optional<Change> best_change_of_another_phase(std::size_t from, std::size_t to) {
    Queue& changes = queue(from, to);
    const Change first = changes.top();
    changes.pop();
    const auto second = best_change(from, to);
    changes.push(first);
    return second;
  }

  const Workload& workload_;
  const Rates& rates_;
  const Constraints& constraints_;
  Assignment& where_;
  std::size_t tiers_;
  std::vector<std::uint64_t> free_;
  std::vector<double> link_seconds_;  ///< for a byte, at the utilisation that is counted on
  double worthwhile_ = 0;
  std::vector<double> floors_;       ///< engine's time for each phase's streamed bytes
  std::vector<double> streamed_on_;  ///< bytes of phase p on tier i at [p * tiers + i]
  std::vector<std::uint32_t> versions_;
  std::vector<Queue> queues_;  ///< from tier i to tier j at [i * tiers + j]
};

}  // namespace

void refine(const Workload& workload, const Rates& rates, const Constraints& constraints,
            double slow_link_utilisation, const std::vector<std::uint64_t>& usable,
            Assignment& where) {
  Refiner(workload, rates, constraints, slow_link_utilisation, usable, where).run();
}

}  // namespace terrace::plan
