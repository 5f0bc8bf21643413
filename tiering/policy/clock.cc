// SPDX-License-Identifier: Apache-2.0
// CLOCK: a reference bit for each block of the fastest tier, and a hand that goes round them. A
// touched block that is elsewhere takes the place of the first one that the hand finds without the
// bit; the hand clears the bits that it passes.
// Source: F. J. Corbato, "A paging experiment with the Multics system", MIT Project MAC, 1968.
#include "tiering/policy/registry.h"

namespace terrace::policy {
namespace {

class Clock final : public Policy {
 public:
  explicit Clock(PlacementTable& table) : table_(table), slot_of_(table.blocks(), kNoSlot) {}

  std::uint8_t tier_for(BlockId) override { return 0; }

  void allocated(BlockId block, std::uint8_t tier) override {
    if (tier == 0) add(block);
  }

  void released(BlockId block) override {
    const std::uint32_t slot = slot_of_[block];
    if (slot == kNoSlot) return;
    ring_[slot] = ring_.back();
    slot_of_[ring_[slot].block] = slot;
    ring_.pop_back();
    slot_of_[block] = kNoSlot;
  }

  void touched(const Touch& touch) override {
    for (BlockId block = touch.first; block < touch.first + touch.count; ++block) {
      const std::uint32_t slot = slot_of_[block];
      if (slot != kNoSlot) {
        ring_[slot].referenced = true;
      } else {
        bring_in(block);
      }
    }
  }

 private:
  static constexpr std::uint32_t kNoSlot = UINT32_MAX;
  struct Slot {
    BlockId block;
    bool referenced;
  };

  void add(BlockId block) {
    slot_of_[block] = static_cast<std::uint32_t>(ring_.size());
    ring_.push_back({block, true});
  }

  void bring_in(BlockId block) {
    if (table_.move(block, 0)) return add(block);
    if (ring_.empty()) return;
    for (hand_ %= ring_.size(); ring_[hand_].referenced; hand_ = (hand_ + 1) % ring_.size()) {
      ring_[hand_].referenced = false;
    }
    Slot& slot = ring_[hand_];
    table_.exchange(block, slot.block);
    slot_of_[slot.block] = kNoSlot;
    slot_of_[block] = static_cast<std::uint32_t>(hand_);
    slot = {block, true};
    hand_ = (hand_ + 1) % ring_.size();
  }

  PlacementTable& table_;
  std::vector<std::uint32_t> slot_of_;
  std::vector<Slot> ring_;
  std::size_t hand_ = 0;
};

}  // namespace

std::unique_ptr<Policy> make_clock(const PolicyContext& context) {
  return std::make_unique<Clock>(context.table);
}

}  // namespace terrace::policy
