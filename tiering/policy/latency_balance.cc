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

// Blocks in the order of their heat, for as many as are asked for: a heap costs less than to sort
// them all each step, of which few are moved. Of blocks as hot as each other the lower one counts
// as hotter. One number for a block's heat and itself is compared without a branch, which halves
// the cost.
class ByHeat {
 public:
  enum class Order : std::uint8_t { kHottestFirst = 0, kColdestFirst = 1 };
  explicit ByHeat(Order order) : flip_(order == Order::kHottestFirst ? 0 : UINT64_MAX) {}

  void clear() { heap_.clear(); }
  void add(BlockId block, std::uint32_t reads) {
    heap_.push_back(((std::uint64_t{reads} << 32) | ~block) ^ flip_);
  }
  /// After the last add().
  void arrange() { std::make_heap(heap_.begin(), heap_.end()); }
  bool empty() const { return heap_.empty(); }
  BlockId first() const { return ~static_cast<BlockId>(heap_.front() ^ flip_); }
  void drop_first() {
    std::pop_heap(heap_.begin(), heap_.end());
    heap_.pop_back();
  }

 private:
  std::uint64_t flip_;
  std::vector<std::uint64_t> heap_;
};

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

  void migrate(double shift) {
    const bool promote = shift > 0;
    hottest_.clear();
    coldest_.clear();
    std::uint64_t total = 0;
    for (BlockId block = 0; block < table_.blocks(); ++block) {
      const std::uint32_t reads = reads_[block];
      total += reads;
      const std::uint8_t tier = table_.tier_of(block);
      if (tier == kNowhere) continue;
      if ((tier == 0) != promote) {
        hottest_.add(block, reads);
      } else if (promote) {
        coldest_.add(block, reads);
      }
    }
    hottest_.arrange();
    coldest_.arrange();
    double budget = std::fabs(shift) * static_cast<double>(total);
    auto limit = static_cast<std::uint64_t>(std::fabs(shift) * (fast_reads_ + slow_reads_));
    for (; limit > 0 && !hottest_.empty(); hottest_.drop_first()) {
      const BlockId block = hottest_.first();
      const double heat = reads_[block];
      if (heat == 0) return;
      if (heat > budget) continue;
      if (!(promote ? bring_in(block) : table_.demote(block))) return;
      budget -= heat;
      --limit;
    }
  }

  // False when there is neither room nor a block that is colder.
  bool bring_in(BlockId block) {
    if (table_.move(block, 0)) return true;
    if (coldest_.empty() || reads_[coldest_.first()] >= reads_[block]) return false;
    table_.exchange(block, coldest_.first());
    coldest_.drop_first();
    return true;
  }

  const Machine& machine_;
  PlacementTable& table_;
  std::vector<std::uint32_t> reads_;
  ByHeat hottest_{ByHeat::Order::kHottestFirst};
  ByHeat coldest_{ByHeat::Order::kColdestFirst};
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
