// SPDX-License-Identifier: Apache-2.0
#include "allocators/kv/entering.h"

#include <utility>

namespace terrace::kv {

Entering::Entering(Cache::State& state, SequenceRef sequence, std::unique_lock<CacheLock>& held)
    : state_(state), sequence_(std::move(sequence)), held_(held) {}

Entering::~Entering() {
  if (runs_) return;
  if (!held_.owns_lock()) held_.lock();
  state_.release_blocks(*sequence_);
  if (!admitted_) return;
  state_.admission.stops(sequence_->tenant, sequence_->cap, sequence_->promised);
  sequence_->promised = 0;
}

void Entering::take_found(std::span<const ChainHash> asked, std::span<const BlockId> found) {
  free_to_move_.reserve(found.size());
  state_.blocks.asked(asked, found);
  asked_ = asked.size();
  found_ = found.size();
  for (const BlockId id : found) {
    ++hits_[state_.blocks.tier_of(id)];
    // Tables of others name the places of those that they lease.
    if (state_.blocks[id].leases == 0) free_to_move_.push_back(id);
  }
  lease(found);
}

void Entering::lease(std::span<const BlockId> blocks) {
  for (const BlockId id : blocks) {
    sequence_->blocks.push_back(id);
    state_.blocks.lease(id);
  }
}

void Entering::admit(std::uint64_t promise) {
  // Room for all that are admitted, so that run() finds it.
  auto& running = state_.running;
  const std::size_t admitted = state_.admission.running() + 1;
  if (running.capacity() < admitted) running.reserve(2 * admitted);
  state_.admission.runs(sequence_->tenant, sequence_->cap, promise);
  sequence_->promised = promise;
  admitted_ = true;
  state_.moves.arrive(free_to_move_, sequence_->priority);
}

void Entering::run() {
  // The lock may have been open since they were leased, and a step have moved them.
  state_.read_places(*sequence_);
  state_.running.push_back(sequence_);
  sequence_->running_at = state_.running.size() - 1;
  sequence_->state = SequenceState::kRunning;
  runs_ = true;
  state_.looked_up += asked_;
  for (std::size_t tier = 0; tier < hits_.size(); ++tier) state_.hits[tier] += hits_[tier];
  if (state_.keeper != nullptr) {
    state_.keeper->found(std::span<const BlockId>(sequence_->blocks).first(found_));
  }
}

}  // namespace terrace::kv
