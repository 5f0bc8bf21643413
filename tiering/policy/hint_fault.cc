// SPDX-License-Identifier: Apache-2.0
// Promotion by hint faults with recency, after TPP: H. Al Maruf et al., "TPP: Transparent Page
// Placement for CXL-Enabled Tiered-Memory", ASPLOS 2023, and what of it is in Linux
// (kernel.numa_balancing = 2 with /sys/kernel/mm/numa/demotion_enabled).
//
// What is modelled: a scanner that arms a part of the slow tiers' blocks each step; the next touch
// of an armed block is a hint fault. A fault on a block of the inactive list only activates it; on
// one that is active already it promotes it, at once and in the program's way, if the fast tier has
// a free block. New blocks start on the fast tier's inactive list. Reclaim runs in the background
// ahead of need: it keeps a share of the fast tier free by demoting from the inactive list's old
// end, activates what was referenced there, and refills that list from the active one.
// What is not: page types, and the kernel's rate limit (65 GB/s by default, above any link here).
#include <algorithm>

#include "tiering/policy/recency_list.h"
#include "tiering/policy/registry.h"

namespace terrace::policy {
namespace {

// vm.demote_scale_factor: the paper's default headroom, 2 % of the fast node.
constexpr double kHeadroom = 0.02;
// One pass of the scanner over the address space takes so many steps. The kernel's takes a second
// for each 256 MiB and task; 16 threads on a model of 60 GB with steps of 1 s come out at this.
constexpr std::uint32_t kScanSteps = 16;

class HintFault final : public Policy {
 public:
  explicit HintFault(const PolicyContext& context)
      : table_(context.table),
        flags_(table_.blocks()),
        links_(table_.blocks()),
        inactive_(links_),
        active_(links_),
        headroom_(std::max<std::uint64_t>(
            1, static_cast<std::uint64_t>(
                   kHeadroom * static_cast<double>(context.machine.capacity_blocks[0])))) {}

  std::uint8_t tier_for(BlockId) override { return 0; }

  void allocated(BlockId block, std::uint8_t tier) override {
    flags_[block] = {};
    if (tier == 0) inactive_.push_newest(block);
  }

  void released(BlockId block) override {
    if (table_.tier_of(block) == 0) list_of(block).remove(block);
  }

  void touched(const Touch& touch) override {
    for (BlockId block = touch.first; block < touch.first + touch.count; ++block) {
      flags_[block].referenced = true;
      if (flags_[block].armed) fault(block);
    }
  }

  void step_ended(const StepView&) override {
    reclaim();
    arm();
  }

 private:
  struct Flags {
    bool armed = false;
    bool active = false;
    bool referenced = false;
  };

  RecencyList& list_of(BlockId block) { return flags_[block].active ? active_ : inactive_; }

  void fault(BlockId block) {
    flags_[block].armed = false;
    if (table_.tier_of(block) == 0) return;
    if (!flags_[block].active) {
      flags_[block].active = true;
    } else if (table_.move(block, 0)) {
      active_.push_newest(block);
    }
  }

  void refill_inactive() {
    // The kernel keeps the lists of a node of this size at about 1:1 or more.
    while (inactive_.size() < active_.size()) {
      const BlockId block = active_.oldest();
      active_.remove(block);
      flags_[block].active = false;
      flags_[block].referenced = false;
      inactive_.push_newest(block);
    }
  }

  void reclaim() {
    // Each block is looked at once a step at most, as with the kernel's lowest scan priority.
    for (std::uint64_t left = inactive_.size() + active_.size();
         left > 0 && table_.free_blocks(0) < headroom_; --left) {
      refill_inactive();
      const BlockId block = inactive_.oldest();
      if (block == kNoBlock) return;
      inactive_.remove(block);
      if (flags_[block].referenced) {
        flags_[block].referenced = false;
        flags_[block].active = true;
        active_.push_newest(block);
      } else if (table_.demote(block)) {
        flags_[block].active = false;
      } else {
        inactive_.push_newest(block);
        return;
      }
    }
  }

  void arm() {
    const std::uint32_t count = table_.blocks();
    for (std::uint32_t i = 0; i < (count + kScanSteps - 1) / kScanSteps; ++i) {
      const std::uint8_t tier = table_.tier_of(next_armed_);
      if (tier != 0 && tier != kNowhere) flags_[next_armed_].armed = true;
      next_armed_ = (next_armed_ + 1) % count;
    }
  }

  PlacementTable& table_;
  std::vector<Flags> flags_;
  RecencyLinks links_;
  RecencyList inactive_;
  RecencyList active_;
  std::uint64_t headroom_;
  BlockId next_armed_ = 0;
};

}  // namespace

std::unique_ptr<Policy> make_hint_fault(const PolicyContext& context) {
  return std::make_unique<HintFault>(context);
}

}  // namespace terrace::policy
