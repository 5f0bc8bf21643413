// SPDX-License-Identifier: Apache-2.0
#include "tiering/policy/online_bursts.h"

namespace terrace::policy {
namespace {

// What evidence keeps of its weight every kHorizon steps: half of it after four times as many.
constexpr double kFades = 0.84;

}  // namespace

OnlineBursts::OnlineBursts(const Layout& layout, double price)
    : price_(price), blocks_(layout.blocks()), sums_(layout.objects.size() * kStates) {
  for (std::uint32_t o = 0; o < layout.objects.size(); ++o) {
    const ObjectSpan& span = layout.objects[o];
    for (BlockId block = span.first; block < span.first + span.count; ++block) {
      blocks_[block].object = o;
    }
  }
}

void OnlineBursts::allocated(BlockId block) {
  // As if it had always been touched: a new block has no rest to wake up from.
  blocks_[block].last = now_;
  blocks_[block].recent = kAlways;
}

void OnlineBursts::step_ended() {
  learn_next();
  learn_later();
  std::vector<Case>& cases = cases_of(now_);
  cases.clear();
  for (const BlockId block : awake_) {
    cases.push_back({block, state_of(blocks_[block]), blocks_[block].touches});
  }
  awake_.clear();
  ++now_;
  if (now_ % kHorizon == 0) fade();
}

void OnlineBursts::learn_next() {
  if (now_ < 1) return;
  for (const Case& one : cases_of(now_ - 1)) {
    Sums& sums = sums_[one.state];
    ++sums.cases_of_next;
    sums.next += blocks_[one.block].touches - one.touches;
  }
}

void OnlineBursts::learn_later() {
  if (now_ < kHorizon) return;
  for (const Case& one : cases_of(now_ - kHorizon)) {
    Sums& sums = sums_[one.state];
    const double touches = blocks_[one.block].touches - one.touches;
    ++sums.cases;
    sums.later += touches;
    if (touches >= price_) continue;
    ++sums.in_vain;
    sums.wasted += price_ - touches;
  }
}

void OnlineBursts::fade() {
  for (Sums& sums : sums_) {
    for (double* sum :
         {&sums.cases, &sums.later, &sums.wasted, &sums.in_vain, &sums.cases_of_next, &sums.next}) {
      *sum *= kFades;
    }
  }
}

BurstOutlook OnlineBursts::mean_of(const Sums& sums) const {
  if (sums.cases <= 0) return {};
  return {sums.cases, sums.next / sums.cases_of_next, sums.later / sums.cases,
          sums.wasted / sums.cases, sums.in_vain / sums.cases};
}

BurstOutlook OnlineBursts::outlook(BlockId block) const {
  return mean_of(sums_[state_of(blocks_[block])]);
}

BurstOutlook OnlineBursts::outlook_on_waking(BlockId block) const {
  Block woken = blocks_[block];
  woken.recent = 1;
  return mean_of(sums_[state_of(woken)]);
}

}  // namespace terrace::policy
