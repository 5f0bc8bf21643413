// SPDX-License-Identifier: Apache-2.0
// Terrace's online policy: every few steps it predicts each block's touches (online_heat.h), finds
// where the blocks should be (online_target.h), and moves what pays back. Knows the past only.
// Source: docs/simulator.md, "Terrace online". Three rules keep it from churning:
//  - pay-back: an exchange happens only when what it is expected to save, over the time that its
//    knowledge is old, exceeds what it costs both links;
//  - no back-and-forth: a block that was moved rests, twice as long each time that a move undid its
//    last one before that had paid back;
//  - streams move all together or not at all, by the model's gain for the whole of them.
#include <algorithm>

#include <terrace/units.h>

#include "tiering/policy/online_heat.h"
#include "tiering/policy/online_target.h"
#include "tiering/policy/registry.h"
#include "tiering/policy/share_turns.h"

namespace terrace::policy {
namespace {

constexpr std::uint64_t kInterval = 2;      // steps from one look to the next
constexpr std::uint64_t kFirstLook = 8;     // steps before the first
constexpr std::uint64_t kShortestRest = 4;  // steps
constexpr std::uint64_t kLongestRest = 16;  // steps
// Looks after which the programme is solved again though the streams are as many as before.
constexpr std::uint64_t kLooksForShares = 8;
constexpr double kDoubtsHeeded = 0.5;  // standard errors that speak against a move
constexpr double kBlock = static_cast<double>(kBlockBytes.value);

class Online final : public Policy {
 public:
  explicit Online(const PolicyContext& context)
      : machine_(context.machine),
        layout_(context.layout),
        table_(context.table),
        heat_(layout_),
        outlook_(table_.blocks()),
        history_(table_.blocks()),
        turns_(bandwidths(machine_)) {
    // Both blocks cross both links.
    swap_seconds_ = 2 * kBlock * (machine_.seconds_per_byte[0] + machine_.seconds_per_byte[1]);
    gain_per_touch_ = kBlock * (machine_.alone(1) - machine_.alone(0));
  }

  // A block that comes into being is about to be streamed with the others of its kind, until it
  // shows otherwise.
  std::uint8_t tier_for(BlockId) override { return turns_.next(); }

  void allocated(BlockId block, std::uint8_t) override {
    heat_.allocated(block);
    history_[block] = {};
    ++came_;
  }

  void touched(const Touch& touch) override { heat_.touched(touch); }

  void step_ended(const StepView&) override {
    heat_.step_ended();
    const std::uint64_t step = heat_.steps();
    if (step < kFirstLook || step % kInterval != 0) {
      if (step < kFirstLook) came_ = 0;
      return;
    }
    look();
    came_ = 0;
  }

 private:
  struct History {
    std::uint64_t rests_until = 0;
    std::uint64_t rest = kShortestRest;
    std::uint64_t moved_at = 0;
    std::uint32_t touches_then = 0;
    std::uint8_t came_from = kNowhere;
  };

  static std::vector<double> bandwidths(const Machine& machine) {
    std::vector<double> shares;
    for (const double seconds : machine.seconds_per_byte) shares.push_back(1 / seconds);
    return shares;
  }

  void look() {
    const std::uint64_t step = heat_.steps();
    heat_.refresh();
    std::uint64_t streams = 0;
    for (BlockId block = 0; block < table_.blocks(); ++block) {
      BlockOutlook& outlook = outlook_[block];
      outlook = {};
      if (table_.tier_of(block) == kNowhere) continue;
      outlook.streamed = heat_.streamed(block);
      if (outlook.streamed) ++streams;
      const double touches = heat_.expected_touches(block);
      outlook.rate = outlook.streamed ? 1 : touches / heat_.horizon(block);
      outlook.worth = touches * gain_per_touch_;
      outlook.doubt = kDoubtsHeeded * heat_.doubt(block) * gain_per_touch_;
      outlook.horizon_steps = heat_.horizon(block);
      outlook.resting = history_[block].rests_until > step;
    }
    const bool known = streams == streams_then_ && ++looks_since_ < kLooksForShares;
    const TargetRequest request{machine_,     layout_, table_,
                                outlook_,     came_,   known ? shares_ : std::vector<double>{},
                                swap_seconds_};
    auto target = find_target(request);
    // A programme that cannot be solved leaves everything where it is.
    if (!target) return;
    if (!target->stream_shares.empty()) turns_.set(target->stream_shares);
    if (!known) {
      shares_ = target->stream_shares;
      streams_then_ = streams;
      looks_since_ = 0;
    }
    carry_out(*target);
  }

  void carry_out(const Target& target) {
    const std::size_t tiers = machine_.tiers();
    std::vector<std::vector<BlockId>> from_to(tiers * tiers);
    for (BlockId block = 0; block < table_.blocks(); ++block) {
      const std::uint8_t now = table_.tier_of(block);
      const std::uint8_t then = target.tier_of[block];
      if (now == kNowhere || now == then) continue;
      from_to[now * tiers + then].push_back(block);
    }
    for (std::size_t a = 0; a < tiers; ++a) {
      for (std::size_t b = a + 1; b < tiers; ++b) {
        exchange_all(from_to[a * tiers + b], from_to[b * tiers + a]);
      }
    }
    for (std::size_t list = 0; list < from_to.size(); ++list) {
      for (const BlockId block : from_to[list]) {
        const std::uint8_t before = table_.tier_of(block);
        if (table_.move(block, static_cast<std::uint8_t>(list % tiers))) note(block, before);
      }
    }
  }

  void exchange_all(std::vector<BlockId>& down, std::vector<BlockId>& up) {
    while (!down.empty() && !up.empty()) {
      const std::uint8_t upper = table_.tier_of(down.back());
      const std::uint8_t lower = table_.tier_of(up.back());
      table_.exchange(down.back(), up.back());
      note(down.back(), upper);
      note(up.back(), lower);
      down.pop_back();
      up.pop_back();
    }
  }

  void note(BlockId block, std::uint8_t before) {
    History& history = history_[block];
    const std::uint8_t after = table_.tier_of(block);
    if (history.came_from == after && !paid_back(block, after)) {
      history.rest = std::min(kLongestRest, history.rest * 2);
    }
    history.came_from = before;
    history.moved_at = heat_.steps();
    history.touches_then = heat_.touches(block);
    history.rests_until = heat_.steps() + history.rest;
  }

  // The block returns to where its last move took it from. A promotion had paid back when the block
  // was read often enough meanwhile; a demotion, when it was read less than that.
  bool paid_back(BlockId block, std::uint8_t returns_to) const {
    const double read = heat_.touches(block) - history_[block].touches_then;
    const double enough = swap_seconds_ / gain_per_touch_;
    const bool was_promoted = returns_to != 0;
    return was_promoted ? read >= enough : read < enough;
  }

  const Machine& machine_;
  const Layout& layout_;
  PlacementTable& table_;
  OnlineHeat heat_;
  std::vector<BlockOutlook> outlook_;
  std::vector<History> history_;
  ShareTurns turns_;
  std::vector<double> shares_;  // of the streams, by the last programme
  std::uint64_t streams_then_ = 0;
  std::uint64_t looks_since_ = 0;
  double swap_seconds_ = 0;
  double gain_per_touch_ = 0;
  std::uint64_t came_ = 0;
};

}  // namespace

std::unique_ptr<Policy> make_online(const PolicyContext& context) {
  return std::make_unique<Online>(context);
}

}  // namespace terrace::policy
