// SPDX-License-Identifier: Apache-2.0
// Out of the cache: pause and end. What was leased becomes ordinary cached prefix.
#include <algorithm>
#include <mutex>

#include "allocators/kv/cache_state.h"

namespace terrace::kv {

Outcome must_be_paused(const Sequence& sequence) {
  if (sequence.state == SequenceState::kPaused) return {};
  if (sequence.state == SequenceState::kEnded) return has_ended();
  return refuse(Refusal::kState, "the sequence runs; pause it first");
}

void Cache::State::stop_running(Sequence& sequence) {
  admission.stops(sequence.tenant, sequence.cap, sequence.promised);
  sequence.promised = 0;
  running.back()->running_at = sequence.running_at;
  std::swap(running[sequence.running_at], running.back());
  running.pop_back();
}

void Cache::State::unpromise_copy(BlockId last) {
  if (blocks[last].kind != BlockKind::kOpen || blocks[last].leases != 1) return;
  const auto holder = std::ranges::find_if(running, [last](const SequenceRef& one) {
    return !one->blocks.empty() && one->blocks.back() == last;
  });
  // Its lock comes before the cache's, so that nobody may wait for it here.
  if (holder == running.end() || !(*holder)->lock.try_lock()) return;
  const std::lock_guard own((*holder)->lock, std::adopt_lock);
  (*holder)->own_tail = true;
  renew_promise(**holder);
}

void Cache::State::release_blocks(Sequence& sequence) {
  const auto chain = static_cast<std::uint32_t>(sequence.hashes.size());
  for (; !sequence.blocks.empty(); sequence.blocks.pop_back()) {
    blocks.unlease(sequence.blocks.back(), chain);
  }
  sequence.table.reset();
  sequence.arrivals.clear();
  sequence.own_tail = false;
}

Outcome Cache::pause(Sequence& sequence) {
  State& state = *state_;
  const std::lock_guard own(sequence.lock);
  if (Outcome outcome = must_run(sequence); !outcome.ok()) return outcome;
  const std::unique_lock held(state.lock);
  const std::uint64_t wanted = state.blocks_for(sequence.written);
  sequence.tokens.resize(sequence.written);
  while (sequence.blocks.size() > wanted) {
    state.blocks.unlease(sequence.blocks.back(), 0);
    sequence.blocks.pop_back();
  }
  state.keep_tail(sequence);
  state.release_blocks(sequence);
  state.stop_running(sequence);
  sequence.state = SequenceState::kPaused;
  ++state.paused;
  state.moves.keep_room();
  return {};
}

Outcome Cache::end(Sequence& sequence) {
  State& state = *state_;
  const std::lock_guard own(sequence.lock);
  if (sequence.state == SequenceState::kEnded) return has_ended();
  const std::unique_lock held(state.lock);
  if (sequence.state == SequenceState::kRunning) {
    const bool may_share = !sequence.own_tail && !sequence.blocks.empty();
    const BlockId last = may_share ? sequence.blocks.back() : kNoBlock;
    state.release_blocks(sequence);
    state.stop_running(sequence);
    if (last != kNoBlock) state.unpromise_copy(last);
  } else {
    --state.paused;
  }
  state.drop_tail(sequence);
  sequence.state = SequenceState::kEnded;
  state.moves.keep_room();
  return {};
}

void Cache::take_back(Sequence& sequence, Sequence& fork) {
  State& state = *state_;
  (void)end(fork);
  const std::lock_guard own(sequence.lock);
  if (sequence.state != SequenceState::kRunning || sequence.blocks.empty()) return;
  const std::unique_lock held(state.lock);
  // The last block is its own again, and no copy of it has to be promised.
  const Block& last = state.blocks[sequence.blocks.back()];
  if (last.kind != BlockKind::kOpen || last.leases > 1) return;
  sequence.own_tail = true;
  state.renew_promise(sequence);
}

}  // namespace terrace::kv
