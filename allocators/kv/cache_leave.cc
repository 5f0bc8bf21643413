// SPDX-License-Identifier: Apache-2.0
// Out of the cache: pause and end. What was leased becomes ordinary cached prefix.
#include <mutex>
#include <span>

#include "allocators/kv/cache_state.h"

namespace terrace::kv {
namespace {

// Sets the kept tail of a paused sequence apart from chains of private ones.
constexpr std::uint64_t kTailOwner = std::uint64_t{1} << 63;

}  // namespace

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

void Cache::State::release_blocks(Sequence& sequence) {
  const auto chain = static_cast<std::uint32_t>(sequence.hashes.size());
  for (; !sequence.blocks.empty(); sequence.blocks.pop_back()) {
    blocks.unlease(sequence.blocks.back(), chain);
  }
  sequence.table.reset();
  sequence.arrivals.clear();
  sequence.own_tail = false;
}

ChainRoot Cache::State::tail_root(const Sequence& sequence) const {
  return {sequence.root.salt, sequence.id | kTailOwner};
}

/// The written part of the last, not full block is kept under a key of the sequence's own.
void Cache::State::keep_tail(Sequence& sequence) {
  const std::size_t full = sequence.hashes.size();
  const std::span<const Token> tokens = std::span(sequence.tokens).subspan(full * block_tokens());
  if (tokens.empty() || !sequence.own_tail || sequence.blocks.size() != full + 1) return;
  const BlockId last = sequence.blocks.back();
  // A fork that still shares it may write into it when it is the only one left.
  if (blocks[last].leases > 1 || blocks[last].kind != BlockKind::kOpen) return;
  const ChainHash before = full == 0 ? 0 : sequence.hashes.back();
  sequence.tail_hash = hasher.block(hasher.root({before, sequence.id | kTailOwner}), tokens);
  sequence.tail_parent = full == 0 ? kNoBlock : sequence.blocks[full - 1];
  // An earlier tail of the same tokens may still be there, if it moved when it was dropped.
  sequence.blocks.back() =
      blocks.seal(last, sequence.tail_hash, sequence.tail_parent, tail_root(sequence),
                  static_cast<std::uint32_t>(full), tokens);
}

BlockId Cache::State::find_tail(const Sequence& sequence) const {
  if (sequence.tail_hash == 0) return kNoBlock;
  return blocks.find(sequence.tail_hash, sequence.tail_parent, tail_root(sequence),
                     std::span(sequence.tokens).subspan(sequence.hashes.size() * block_tokens()));
}

void Cache::State::drop_tail(Sequence& sequence) {
  const BlockId tail = find_tail(sequence);
  sequence.tail_hash = 0;
  // One that moves just now stays until the policy has it go.
  if (tail == kNoBlock || blocks[tail].moving != Moving::kNo) return;
  blocks.drop(tail);
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
    state.release_blocks(sequence);
    state.stop_running(sequence);
  } else {
    state.drop_tail(sequence);
    --state.paused;
  }
  sequence.state = SequenceState::kEnded;
  state.moves.keep_room();
  return {};
}

}  // namespace terrace::kv
