// SPDX-License-Identifier: Apache-2.0
// Terrace's online policy. Every few steps it predicts each block's touches (online_heat.h), finds
// where the blocks should be (online_target.h), and moves what pays back. In between, blocks that
// wake up and are known to stay awake are brought in at the end of the step (online_bursts.h).
// Knows the past only. Source: docs/simulator.md, "Terrace online". What keeps it from churning:
//  - pay-back: an exchange happens only when what it is expected to save, over the time that its
//    knowledge is old, exceeds what it costs both links and what moves like it wasted so far;
//  - a block that woke waits for another touch as long as that costs less than moves in vain;
//  - no back-and-forth: move_history.h;
//  - streams move all together or not at all, by the model's gain for the whole of them.
#include <algorithm>
#include <cmath>

#include <terrace/units.h>

#include "tiering/policy/move_history.h"
#include "tiering/policy/online_bursts.h"
#include "tiering/policy/online_heat.h"
#include "tiering/policy/online_target.h"
#include "tiering/policy/recency_list.h"
#include "tiering/policy/registry.h"
#include "tiering/policy/share_turns.h"

namespace terrace::policy {
namespace {

constexpr std::uint64_t kInterval = 4;   // steps from one look to the next
constexpr std::uint64_t kFirstLook = 8;  // steps before the first
// Looks after which the programme is solved again though the streams are as many as before.
constexpr std::uint64_t kLooksForShares = 4;
constexpr double kDoubtsHeeded = 0.5;  // standard errors that speak against a move
// A move in vain is paid twice: the block goes back.
constexpr double kThereAndBack = 2;
// Cases that an expectation of woken blocks must rest on.
constexpr double kLeastCases = 16;
// Of what is known of the moves' load on the links, the part that is new each step.
constexpr double kLoadIsNew = 1.0 / 32;
constexpr double kMostLoad = 0.5;
// Of the price of a move, what a touch saves at least: tiers as fast as each other have a price
// too.
constexpr double kLeastGain = 1e-6;
constexpr double kBlock = static_cast<double>(kBlockBytes.value);

class Online final : public Policy {
 public:
  explicit Online(const PolicyContext& context)
      : machine_(context.machine),
        layout_(context.layout),
        table_(context.table),
        // Both blocks cross both links.
        swap_seconds_(2 * kBlock * (machine_.seconds_per_byte[0] + machine_.seconds_per_byte[1])),
        gain_per_touch_(kBlock * (machine_.alone(1) - machine_.alone(0))),
        price_(swap_seconds_ / std::max(gain_per_touch_, kLeastGain * swap_seconds_)),
        heat_(layout_, price_),
        bursts_(layout_, price_),
        history_(table_.blocks(), price_),
        outlook_(table_.blocks()),
        turns_(bandwidths(machine_)) {}

  // A block that comes into being is about to be streamed with the others of its kind, until it
  // shows otherwise.
  std::uint8_t tier_for(BlockId) override { return turns_.next(); }

  void allocated(BlockId block, std::uint8_t) override {
    heat_.allocated(block);
    bursts_.allocated(block);
    history_.forget(block);
    ++came_;
  }

  void touched(const Touch& touch) override {
    heat_.touched(touch);
    for (BlockId block = touch.first; block < touch.first + touch.count; ++block) {
      if (bursts_.touched(block) && table_.tier_of(block) != 0) bursts_.watch(block);
    }
  }

  void step_ended(const StepView& view) override {
    heat_.step_ended();
    const std::uint64_t moves = table_.counts().moves;
    bring_in_awake();
    bursts_.step_ended();
    note_load(static_cast<double>(table_.counts().moves - moves), view.seconds);
    const std::uint64_t step = heat_.steps();
    if (step >= kFirstLook && step % kInterval == 0) look();
    if (step < kFirstLook || step % kInterval == 0) came_ = 0;
  }

 private:
  static std::vector<double> bandwidths(const Machine& machine) {
    std::vector<double> shares;
    for (const double seconds : machine.seconds_per_byte) shares.push_back(1 / seconds);
    return shares;
  }

  // Does it pay to bring such a block in for one that would be touched `kept` times in the horizon?
  // Over the horizon it must, and the touches that are lost by another step's wait must exceed
  // those that are wasted on blocks which turn out not to be worth it.
  bool pays(const BurstOutlook& burst, double kept) const {
    return burst.cases >= kLeastCases && burst.later - kept > price_ &&
           burst.next - kept / OnlineBursts::kHorizon > burst.wasted + kept * burst.in_vain;
  }

  // What a block on the fastest tier is worth there, in touches. One that would be brought back as
  // soon as it wakes loses no more than the price of that.
  double kept_by(BlockId block) const {
    const BlockOutlook& outlook = outlook_[block];
    const double touches =
        outlook.worth / gain_per_touch_ * OnlineBursts::kHorizon / outlook.horizon_steps;
    return pays(bursts_.outlook_on_waking(block), 0) ? std::min(touches, price_) : touches;
  }

  void bring_in_awake() {
    for (const BlockId block : bursts_.awake()) {
      const std::uint8_t from = table_.tier_of(block);
      if (from == 0 || from == kNowhere || heat_.streamed(block)) continue;
      const BurstOutlook burst = bursts_.outlook(block);
      if (!pays(burst, 0)) continue;
      if (table_.free_blocks(0) <= came_) {
        const BlockId victim = next_victim();
        if (victim == kNoBlock || !pays(burst, kept_by(victim))) return;
        if (!table_.demote(victim)) table_.exchange(victim, block);
        note_move(victim, 0);
      }
      table_.move(block, 0);
      note_move(block, from);
    }
  }

  // Worth least at the last look, and neither moved nor touched since.
  BlockId next_victim() {
    const auto worth_more = [this](BlockId a, BlockId b) {
      return outlook_[a].worth > outlook_[b].worth ||
             (outlook_[a].worth == outlook_[b].worth && a > b);
    };
    if (!victims_sorted_) std::make_heap(victims_.begin(), victims_.end(), worth_more);
    victims_sorted_ = true;
    while (!victims_.empty()) {
      std::pop_heap(victims_.begin(), victims_.end(), worth_more);
      const BlockId block = victims_.back();
      victims_.pop_back();
      if (table_.tier_of(block) == 0 && heat_.last_touch(block) < looked_at_) return block;
    }
    return kNoBlock;
  }

  void find_victims() {
    victims_.clear();
    victims_sorted_ = false;
    looked_at_ = heat_.steps();
    for (BlockId block = 0; block < table_.blocks(); ++block) {
      if (table_.tier_of(block) != 0 || outlook_[block].streamed) continue;
      if (!history_.resting(block, looked_at_)) victims_.push_back(block);
    }
  }

  // Root of the mean square: moves come in bursts, and a burst must find room on the links.
  void note_load(double moves, double step_seconds) {
    const double share = step_seconds > 0 ? moves * kBlock / step_seconds : 0;
    mean_square_load_ += (share * share - mean_square_load_) * kLoadIsNew;
  }

  // Of each link's time.
  std::vector<double> load_of_moves() const {
    std::vector<double> load;
    for (const double seconds : machine_.seconds_per_byte) {
      load.push_back(std::min(kMostLoad, std::sqrt(mean_square_load_) * seconds));
    }
    return load;
  }

  void look() {
    const std::uint64_t step = heat_.steps();
    heat_.refresh();
    std::uint64_t streams = 0;
    for (BlockId block = 0; block < table_.blocks(); ++block) {
      const std::uint8_t tier = table_.tier_of(block);
      BlockOutlook& outlook = outlook_[block];
      outlook = {};
      if (tier == kNowhere) continue;
      const HeatOutlook heat = heat_.outlook(block);
      outlook.streamed = heat_.streamed(block);
      if (outlook.streamed) ++streams;
      outlook.rate = outlook.streamed ? 1 : heat.touches / heat.horizon;
      outlook.worth = heat.touches * gain_per_touch_;
      outlook.doubt = kDoubtsHeeded * heat.doubt * gain_per_touch_;
      if (tier != 0) outlook.doubt += kThereAndBack * heat.wasted * gain_per_touch_;
      outlook.horizon_steps = heat.horizon;
      outlook.resting = history_.resting(block, step);
    }
    move_to_target(streams);
    find_victims();
  }

  void move_to_target(std::uint64_t streams) {
    const bool known = streams == streams_then_ && ++looks_since_ < kLooksForShares;
    const TargetRequest request{machine_,        layout_,
                                table_,          outlook_,
                                came_,           known ? shares_ : std::vector<double>{},
                                load_of_moves(), swap_seconds_};
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
        if (table_.move(block, static_cast<std::uint8_t>(list % tiers))) note_move(block, before);
      }
    }
  }

  void exchange_all(std::vector<BlockId>& down, std::vector<BlockId>& up) {
    while (!down.empty() && !up.empty()) {
      const std::uint8_t upper = table_.tier_of(down.back());
      const std::uint8_t lower = table_.tier_of(up.back());
      table_.exchange(down.back(), up.back());
      note_move(down.back(), upper);
      note_move(up.back(), lower);
      down.pop_back();
      up.pop_back();
    }
  }

  void note_move(BlockId block, std::uint8_t before) {
    history_.moved(block, before, table_.tier_of(block), heat_.steps(), heat_.touches(block));
  }

  const Machine& machine_;
  const Layout& layout_;
  PlacementTable& table_;
  double swap_seconds_;
  double gain_per_touch_;
  double price_;  // touches that pay for an exchange
  OnlineHeat heat_;
  OnlineBursts bursts_;
  MoveHistory history_;
  std::vector<BlockOutlook> outlook_;
  ShareTurns turns_;
  std::vector<double> shares_;  // of the streams, by the last programme
  std::uint64_t streams_then_ = 0;
  std::uint64_t looks_since_ = 0;
  std::vector<BlockId> victims_;  // of the fastest tier; a heap once the first was asked for
  bool victims_sorted_ = false;
  std::uint64_t looked_at_ = 0;
  double mean_square_load_ = 0;  // of bytes a second that single moves put on a link
  std::uint64_t came_ = 0;
};

}  // namespace

std::unique_ptr<Policy> make_online(const PolicyContext& context) {
  return std::make_unique<Online>(context);
}

}  // namespace terrace::policy
