// SPDX-License-Identifier: Apache-2.0
// Least recently used: a touched block is moved to the fastest tier before it is read; when that is
// full, the block there that was touched longest ago takes its place.
// Source: the textbook policy; its behaviour on a scan, P. J. Denning, "The working set model for
// program behavior", CACM 11(5), 1968: a cycle longer than the fast tier hits nothing.
#include "tiering/policy/recency_list.h"
#include "tiering/policy/registry.h"

namespace terrace::policy {
namespace {

class Lru final : public Policy {
 public:
  explicit Lru(PlacementTable& table) : table_(table), links_(table.blocks()), fast_(links_) {}

  std::uint8_t tier_for(BlockId) override { return 0; }

  void allocated(BlockId block, std::uint8_t tier) override {
    if (tier == 0) fast_.push_newest(block);
  }

  void released(BlockId block) override {
    if (table_.tier_of(block) == 0) fast_.remove(block);
  }

  void touched(const Touch& touch) override {
    for (BlockId block = touch.first; block < touch.first + touch.count; ++block) {
      if (table_.tier_of(block) == 0) {
        fast_.make_newest(block);
      } else {
        bring_in(block);
      }
    }
  }

 private:
  void bring_in(BlockId block) {
    if (!table_.move(block, 0)) {
      const BlockId victim = fast_.oldest();
      if (victim == kNoBlock) return;
      fast_.remove(victim);
      table_.exchange(block, victim);
    }
    fast_.push_newest(block);
  }

  PlacementTable& table_;
  RecencyLinks links_;
  RecencyList fast_;
};

}  // namespace

std::unique_ptr<Policy> make_lru(const PolicyContext& context) {
  return std::make_unique<Lru>(context.table);
}

}  // namespace terrace::policy
