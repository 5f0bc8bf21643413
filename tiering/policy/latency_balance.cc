// SPDX-License-Identifier: Apache-2.0
// Latency balancing, after Colloid: M. Vuppalapati and R. Agarwal, "Tiered Memory Management:
// Access Latency is the Key!", SOSP 2024, and its published monitor
// (github.com/host-architecture/colloid).
//
// What is modelled: once a step the loaded latencies of the fast tier and of the rest are compared,
// and the share p of reads that the fast tier serves. While they differ by more than 5 %, the share
// that would balance them is searched between two marks that bracket it (p_lo, p_hi; reset when
// they have met within 1 %), and the hottest blocks whose reads together make up the missing share
// are moved, no more of them than the reads that are to be shifted. Heat is a count that is halved,
// as in HeMem (Raybuck et al., SOSP 2021). Room on the fast tier is made by demoting strictly
// colder blocks. What is not: the hardware counters. A tier's loaded latency here is its idle
// latency over the share of time that its link is free, at most 20 times as long.
#include <algorithm>
#include <cmath>

#include "tiering/policy/registry.h"

namespace terrace::policy {
namespace {

constexpr double kBalanced = 0.05;  // COLLOID_DELTA_PERCENT
constexpr double kMarksMet = 0.01;  // COLLOID_EPSILON_PERCENT
constexpr double kSmoothing = 0.5;  // weight of the latest step (EWMA_EXP 1)
constexpr double kMostBusy = 0.95;
constexpr std::uint64_t kCoolingSteps = 32;

class LatencyBalance final : public Policy {
 public:
  explicit LatencyBalance(const PolicyContext& context)
      : machine_(context.machine), table_(context.table), reads_(table_.blocks(), 0) {}

  std::uint8_t tier_for(BlockId) override { return 0; }
  void allocated(BlockId block, std::uint8_t) override { reads_[block] = 0; }

  void touched(const Touch& touch) override {
    for (BlockId block = touch.first; block < touch.first + touch.count; ++block) ++reads_[block];
  }

  void step_ended(const StepView& view) override {
    measure(view);
    const double shift = wanted_shift();
    if (shift != 0) migrate(shift);
    if (view.step % kCoolingSteps == kCoolingSteps - 1) {
      for (std::uint32_t& count : reads_) count /= 2;
    }
  }

  enum class Where : std::uint8_t { kFast = 0, kSlower = 1 };

 private:
  void measure(const StepView& view) {
    double slow_reads = 0;
    double slow_wait = 0;
    for (std::size_t tier = 1; tier < machine_.tiers(); ++tier) {
      slow_reads += static_cast<double>(view.tier_blocks[tier]);
      slow_wait += static_cast<double>(view.tier_blocks[tier]) * loaded_latency(view, tier);
    }
    const double slow = slow_reads > 0 ? slow_wait / slow_reads : machine_.idle_latency_ns[1];
    smooth(fast_latency_, loaded_latency(view, 0));
    smooth(slow_latency_, slow);
    smooth(fast_reads_, static_cast<double>(view.tier_blocks[0]));
    smooth(slow_reads_, slow_reads);
  }

  static void smooth(double& value, double latest) {
    value = value < 0 ? latest : kSmoothing * latest + (1 - kSmoothing) * value;
  }

  double loaded_latency(const StepView& view, std::size_t tier) const {
    const double busy = view.seconds > 0 ? view.tier_busy_seconds[tier] / view.seconds : 0;
    return machine_.idle_latency_ns[tier] / (1 - std::min(busy, kMostBusy));
  }

  // Share of all reads that should move to the fast tier; negative: away from it.
  double wanted_shift() {
    const double all = fast_reads_ + slow_reads_;
    if (all <= 0 || std::fabs(fast_latency_ - slow_latency_) <= kBalanced * fast_latency_) return 0;
    const bool promote = fast_latency_ < slow_latency_;
    const double share = fast_reads_ / all;
    if (promote) {
      low_mark_ = share;
      if (high_mark_ <= low_mark_) high_mark_ = 1;
    } else {
      high_mark_ = share;
      if (low_mark_ >= high_mark_) low_mark_ = 0;
    }
    if (high_mark_ - low_mark_ < kMarksMet) (promote ? high_mark_ : low_mark_) = promote ? 1 : 0;
    return (low_mark_ + high_mark_) / 2 - share;
  }

  std::vector<BlockId> blocks_by_heat(Where where) const {
    std::vector<BlockId> found;
    for (BlockId block = 0; block < table_.blocks(); ++block) {
      const std::uint8_t tier = table_.tier_of(block);
      if (tier != kNowhere && (tier == 0) == (where == Where::kFast)) found.push_back(block);
    }
    std::stable_sort(found.begin(), found.end(),
                     [this](BlockId a, BlockId b) { return reads_[a] > reads_[b]; });
    return found;
  }

  void migrate(double shift) {
    double total = 0;
    for (const std::uint32_t count : reads_) total += count;
    double budget = std::fabs(shift) * total;
    auto limit = static_cast<std::uint64_t>(std::fabs(shift) * (fast_reads_ + slow_reads_));
    const std::vector<BlockId> from = blocks_by_heat(shift < 0 ? Where::kFast : Where::kSlower);
    const std::vector<BlockId> fast =
        shift > 0 ? blocks_by_heat(Where::kFast) : std::vector<BlockId>{};
    std::size_t coldest = fast.size();
    for (const BlockId block : from) {
      const double heat = reads_[block];
      if (limit == 0 || heat == 0) return;
      if (heat > budget) continue;
      if (shift < 0) {
        if (!table_.demote(block)) return;
      } else if (!table_.move(block, 0)) {
        if (coldest == 0 || reads_[fast[coldest - 1]] >= reads_[block]) return;
        table_.exchange(block, fast[--coldest]);
      }
      budget -= heat;
      --limit;
    }
  }

  const Machine& machine_;
  PlacementTable& table_;
  std::vector<std::uint32_t> reads_;
  double fast_latency_ = -1;
  double slow_latency_ = -1;
  double fast_reads_ = -1;
  double slow_reads_ = -1;
  double low_mark_ = 0;
  double high_mark_ = 1;
};

}  // namespace

std::unique_ptr<Policy> make_latency_balance(const PolicyContext& context) {
  return std::make_unique<LatencyBalance>(context);
}

}  // namespace terrace::policy
