// SPDX-License-Identifier: Apache-2.0
#include "tiering/simulate/replay.h"

#include <algorithm>

#include <terrace/units.h>

namespace terrace::simulate {
namespace {

constexpr double kBlock = static_cast<double>(kBlockBytes.value);

}  // namespace

Replay::Replay(const policy::Machine& machine, const policy::Layout& layout,
               const policy::PolicySpec& spec, std::vector<std::uint8_t> planned_tiers)
    : machine_(machine),
      planned_tiers_(std::move(planned_tiers)),
      table_(machine.capacity_blocks, layout.blocks()),
      policy_(spec.make({machine, layout, table_, planned_tiers_})),
      streamed_(machine.tiers(), 0),
      routed_(machine.tiers(), 0),
      links_seen_(machine.tiers(), 0),
      backlog_(machine.tiers(), 0.0) {
  view_.tier_blocks.assign(machine.tiers(), 0);
  view_.tier_busy_seconds.assign(machine.tiers(), 0.0);
}

Status Replay::allocate(const Event& event) {
  if (table_.free_in_all() < event.count) {
    return make_error(
        ErrorCode::kInfeasible, 0,
        "simulate: the tiers have %llu free blocks of 2 MiB, step %llu needs %u more; "
        "add capacity to the slowest tier",
        static_cast<unsigned long long>(table_.free_in_all()),
        static_cast<unsigned long long>(step_), event.count);
  }
  for (policy::BlockId block = event.first; block < event.first + event.count; ++block) {
    policy_->allocated(block, table_.allocate(block, policy_->tier_for(block)));
  }
  return ok_status();
}

void Replay::release(const Event& event) {
  for (policy::BlockId block = event.first; block < event.first + event.count; ++block) {
    policy_->released(block);
    table_.release(block);
  }
}

void Replay::read(const Event& event) {
  const policy::BlockId end = event.first + event.count;
  std::uint64_t hits = 0;
  for (policy::BlockId block = event.first; block < end; ++block) {
    hits += table_.tier_of(block) == 0 ? 1 : 0;
  }
  totals_.blocks_hit += hits;
  totals_.blocks_read += event.count;
  policy_->touched({event.first, event.count});
  if (event.kind == EventKind::kRoute) charge_faults();
  auto& sums = event.kind == EventKind::kStream ? streamed_ : routed_;
  for (policy::BlockId block = event.first; block < end; ++block) ++sums[table_.tier_of(block)];
}

// What is moved because somebody waits for a routed block overlaps with nothing either. A copy
// keeps both links busy at once, so the slower one counts.
void Replay::charge_faults() {
  if (table_.counts().moves == moves_seen_) return;
  moves_seen_ = table_.counts().moves;
  double longest = 0;
  for (std::size_t tier = 0; tier < links_seen_.size(); ++tier) {
    const std::uint64_t link = table_.link_blocks()[tier];
    const double moved = static_cast<double>(link - links_seen_[tier]);
    const double seconds = moved * machine_.seconds_per_byte[tier];
    links_seen_[tier] = link;
    longest = std::max(longest, seconds);
    view_.tier_busy_seconds[tier] += seconds * kBlock;
  }
  view_.seconds += longest * kBlock;
}

// T = sum over routed of max(c, 1/B_i) s + max(c s_p, max over i of (s_{p,i} + m_{p,i}) / B_i),
// with m the blocks that moves put on link i: those that streamed blocks of this phase were moved
// for, and its share of the backlog.
void Replay::end_phase() {
  std::uint64_t streamed = 0;
  std::uint64_t routed = 0;
  for (std::size_t tier = 0; tier < streamed_.size(); ++tier) {
    streamed += streamed_[tier];
    routed += routed_[tier];
  }
  if (streamed + routed == 0) return;
  const double share = static_cast<double>(streamed + routed) / static_cast<double>(step_blocks_);
  double longest = machine_.engine_seconds_per_byte * static_cast<double>(streamed);
  double alone = 0;
  for (std::size_t tier = 0; tier < streamed_.size(); ++tier) {
    const std::uint64_t link = table_.link_blocks()[tier];
    const double moved = static_cast<double>(link - links_seen_[tier]) + backlog_[tier] * share;
    links_seen_[tier] = link;
    const double overlapped = static_cast<double>(streamed_[tier]) + moved;
    const double apart = static_cast<double>(routed_[tier]);
    longest = std::max(longest, overlapped * machine_.seconds_per_byte[tier]);
    alone += apart * machine_.alone(tier);
    view_.tier_blocks[tier] += streamed_[tier] + routed_[tier];
    view_.tier_busy_seconds[tier] +=
        (overlapped + apart) * machine_.seconds_per_byte[tier] * kBlock;
    streamed_[tier] = 0;
    routed_[tier] = 0;
  }
  view_.seconds += (longest + alone) * kBlock;
}

void Replay::end_step() {
  end_phase();
  view_.step = step_++;
  policy_->step_ended(view_);
  for (std::size_t tier = 0; tier < backlog_.size(); ++tier) {
    const std::uint64_t link = table_.link_blocks()[tier];
    backlog_[tier] = static_cast<double>(link - links_seen_[tier]);
    links_seen_[tier] = link;
  }
  ++totals_.steps;
  totals_.seconds += view_.seconds;
  view_.seconds = 0;
  std::fill(view_.tier_blocks.begin(), view_.tier_blocks.end(), 0u);
  std::fill(view_.tier_busy_seconds.begin(), view_.tier_busy_seconds.end(), 0.0);
}

Status Replay::step(std::span<const Event> events) {
  step_blocks_ = 0;
  for (const Event& event : events) {
    if (event.kind == EventKind::kStream || event.kind == EventKind::kRoute) {
      step_blocks_ += event.count;
    }
  }
  for (const Event& event : events) {
    switch (event.kind) {
      case EventKind::kStream:
      case EventKind::kRoute:
        read(event);
        break;
      case EventKind::kPhaseEnd:
        end_phase();
        break;
      case EventKind::kAllocate:
        if (Status allocated = allocate(event); !allocated) return allocated;
        break;
      case EventKind::kRelease:
        release(event);
        break;
    }
  }
  end_step();
  return ok_status();
}

void Replay::start_counting() {
  totals_ = {};
  counted_from_ = table_.counts();
}

void Replay::finish() {
  double longest = 0;
  for (std::size_t tier = 0; tier < backlog_.size(); ++tier) {
    longest = std::max(longest, backlog_[tier] * machine_.seconds_per_byte[tier] * kBlock);
    backlog_[tier] = 0;
  }
  totals_.seconds += longest;
  totals_.moves = table_.counts().moves - counted_from_.moves;
  totals_.back_and_forth = table_.counts().back_and_forth - counted_from_.back_and_forth;
}

}  // namespace terrace::simulate
