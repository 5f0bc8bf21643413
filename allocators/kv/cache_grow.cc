// SPDX-License-Identifier: Apache-2.0
// Running sequences: append, written, truncate, and what they read.
#include <algorithm>
#include <cinttypes>
#include <cstring>
#include <mutex>

#include "allocators/kv/cache_state.h"
#include "allocators/os/clock.h"

namespace terrace::kv {
namespace {

Outcome no_room_left() {
  return refuse(Refusal::kNoRoom,
                "no slot is left: more were lost to memory errors than were not promised; pause or "
                "end a sequence");
}

}  // namespace

Outcome has_ended() {
  return refuse(Refusal::kEnded, "another thread has ended the sequence");
}

Outcome must_run(const Sequence& sequence) {
  if (sequence.state == SequenceState::kRunning) return {};
  if (sequence.state == SequenceState::kEnded) return has_ended();
  return refuse(Refusal::kState, "the sequence is paused; resume it first");
}

std::uint64_t Cache::State::promise_of(const Sequence& sequence) const {
  const bool copy_may_come = sequence.tokens.size() % block_tokens() != 0 && !sequence.own_tail;
  return sequence.cap - sequence.blocks.size() + (copy_may_come ? 1 : 0);
}

void Cache::State::set_promise(Sequence& sequence, std::uint64_t promise) {
  admission.change_promise(sequence.promised, promise);
  sequence.promised = promise;
}

BlockId Cache::State::open_block(std::unique_lock<CacheLock>& held) {
  BlockId id = blocks.open();
  // Admitted since moves began that hold what is now needed: they end soon.
  while (id == kNoBlock && moves.wait_for_one(held)) id = blocks.open();
  return id;
}

/// The last block, which has room, becomes the sequence's own: as it is, or by a copy.
static Outcome own_last_block(Cache::State& state, Sequence& sequence) {
  std::unique_lock held(state.lock);
  const BlockId shared = sequence.blocks.back();
  if (!state.blocks.reopen(shared)) {
    const BlockId copy = state.open_block(held);
    if (copy == kNoBlock) return no_room_left();
    const std::shared_ptr<CopyJob> job = state.blocks[shared].job;
    const bool lost = state.blocks[shared].lost;
    const bool arrives = state.blocks[shared].moving == Moving::kArrival;
    const std::byte* const from = state.places.address(sequence.table[sequence.blocks.size() - 1]);
    std::byte* const to = state.places.address(state.blocks[copy].place);
    // Both are leased, and nobody writes what is shared.
    state.blocks.begin_copy(shared);
    held.unlock();
    if (arrives) state.moves.wait_layer(*job, state.options.shape.layers - 1);
    if (!lost) std::memcpy(to, from, state.options.shape.block_bytes().value);
    held.lock();
    state.blocks.end_copy(shared);
    // Lost before or meanwhile: the copy has none of it either.
    if (state.blocks[shared].lost) state.blocks.set_lost(copy);
    sequence.blocks.back() = copy;
    sequence.table[sequence.blocks.size() - 1] = state.blocks[copy].place;
    state.blocks.unlease(shared, static_cast<std::uint32_t>(sequence.hashes.size()));
    state.unpromise_copy(shared);
    ++state.copied;
  }
  sequence.own_tail = true;
  state.renew_promise(sequence);
  return {};
}

/// Blocks for all of so many tokens, or none more than before.
static Outcome add_blocks(Cache::State& state, Sequence& sequence, std::uint64_t tokens) {
  const std::size_t before = sequence.blocks.size();
  const std::uint64_t wanted = state.blocks_for(tokens);
  if (before == wanted) return {};
  std::unique_lock held(state.lock);
  while (sequence.blocks.size() < wanted) {
    const BlockId id = state.open_block(held);
    if (id == kNoBlock) {
      for (; sequence.blocks.size() > before; sequence.blocks.pop_back()) {
        state.blocks.unlease(sequence.blocks.back(), 0);
      }
      return no_room_left();
    }
    sequence.table[sequence.blocks.size()] = state.blocks[id].place;
    sequence.blocks.push_back(id);
  }
  sequence.own_tail = true;
  state.renew_promise(sequence);
  state.moves.keep_room();
  return {};
}

Outcome Cache::append(Sequence& sequence, std::span<const Token> tokens) {
  State& state = *state_;
  const std::lock_guard own(sequence.lock);
  if (Outcome outcome = must_run(sequence); !outcome.ok()) return outcome;
  const std::uint64_t before = sequence.tokens.size();
  if (tokens.size() > sequence.max_tokens - before) {
    return refuse(Refusal::kArgument,
                  "%zu tokens behind %" PRIu64 " exceed its max_tokens of %" PRIu64
                  "; begin it with more",
                  tokens.size(), before, sequence.max_tokens);
  }
  if (tokens.empty()) return {};
  if (before % state.block_tokens() != 0 && !sequence.own_tail) {
    if (Outcome outcome = own_last_block(state, sequence); !outcome.ok()) return outcome;
  }
  if (before + tokens.size() > sequence.blocks.size() * state.block_tokens()) {
    if (Outcome outcome = add_blocks(state, sequence, before + tokens.size()); !outcome.ok()) {
      return outcome;
    }
  }
  sequence.tokens.insert(sequence.tokens.end(), tokens.begin(), tokens.end());
  return {};
}

/// Blocks for the next tokens, while the lock is held anyway: what it costs to take the lock, and
/// the lines of memory that it guards, is shared by several blocks. One alone where it puts a
/// cached block out; none where it would have to stand on a slower tier.
static void open_ahead(Cache::State& state, Sequence& sequence) {
  constexpr std::size_t kMostAhead = 4;
  const std::uint32_t room = state.places.free(0);
  if (room == 0 && state.places.tiers() > 1) return;
  const std::size_t ahead = room >= state.places.slots(0) / 8 + kMostAhead ? kMostAhead : 1;
  const std::size_t most = std::min<std::size_t>(sequence.blocks.size() + ahead, sequence.cap);
  while (sequence.blocks.size() < most) {
    const BlockId id = state.blocks.open();
    if (id == kNoBlock) break;
    sequence.table[sequence.blocks.size()] = state.blocks[id].place;
    sequence.blocks.push_back(id);
    sequence.own_tail = true;
  }
  state.renew_promise(sequence);
  state.moves.keep_room();
}

void Cache::State::give_back_ahead(Sequence& sequence) {
  const std::uint64_t needed = blocks_for(sequence.tokens.size());
  if (sequence.blocks.size() == needed) return;
  for (; sequence.blocks.size() > needed; sequence.blocks.pop_back()) {
    blocks.unlease(sequence.blocks.back(), 0);
  }
  // A block of its own that has room keeps being that; there is none at the end of a full one.
  if (sequence.tokens.size() % block_tokens() == 0) sequence.own_tail = false;
  renew_promise(sequence);
}

/// The blocks that are full with so many tokens written, and were not before.
static void seal_blocks(Cache::State& state, Sequence& sequence, std::uint64_t tokens) {
  const std::size_t per_block = state.block_tokens();
  const std::size_t first = sequence.hashes.size();
  const std::span<const Token> all = sequence.tokens;
  // For what equal blocks may add below, where there is no way back.
  sequence.arrivals.reserve(sequence.arrivals.size() + tokens / per_block - first);
  ChainHash parent = first == 0 ? state.hasher.root(sequence.root) : sequence.hashes.back();
  for (std::size_t i = first; i < tokens / per_block; ++i) {
    parent = state.hasher.block(parent, all.subspan(i * per_block, per_block));
    sequence.hashes.push_back(parent);
    state.blocks.expect_seal(sequence.blocks[i], parent);
  }
  const std::unique_lock held(state.lock);
  for (std::size_t i = first; i < sequence.hashes.size(); ++i) {
    const BlockId before = i == 0 ? kNoBlock : sequence.blocks[i - 1];
    BlockId& id = sequence.blocks[i];
    id = state.blocks.seal(id, sequence.hashes[i], before, sequence.root,
                           static_cast<std::uint32_t>(i), all.subspan(i * per_block, per_block));
    sequence.table[i] = state.blocks[id].place;
    // An equal block took its place, and may still be on its way.
    if (state.blocks[id].moving == Moving::kArrival) {
      sequence.arrivals.push_back(state.blocks[id].job);
    }
  }
  if (sequence.hashes.size() < sequence.blocks.size()) return;
  sequence.own_tail = false;
  open_ahead(state, sequence);
}

Outcome Cache::written(Sequence& sequence, std::uint64_t tokens) {
  State& state = *state_;
  const std::lock_guard own(sequence.lock);
  if (Outcome outcome = must_run(sequence); !outcome.ok()) return outcome;
  if (tokens < sequence.written || tokens > sequence.tokens.size()) {
    return refuse(Refusal::kArgument,
                  "%" PRIu64 " tokens written: of its %zu, %" PRIu64
                  " were written before; truncate "
                  "takes some away",
                  tokens, sequence.tokens.size(), sequence.written);
  }
  if (tokens / state.block_tokens() > sequence.hashes.size()) {
    seal_blocks(state, sequence, tokens);
  }
  sequence.written = tokens;
  return {};
}

Outcome Cache::table(Sequence& sequence, Table& table) const {
  const std::lock_guard own(sequence.lock);
  if (Outcome outcome = must_run(sequence); !outcome.ok()) return outcome;
  table = {sequence.table.get(), state_->blocks_for(sequence.tokens.size())};
  return {};
}

Outcome Cache::wait_layer(Sequence& sequence, std::uint32_t layer) {
  State& state = *state_;
  std::vector<std::shared_ptr<CopyJob>> arrivals;
  {
    const std::lock_guard own(sequence.lock);
    if (Outcome outcome = must_run(sequence); !outcome.ok()) return outcome;
    if (layer >= state.options.shape.layers) {
      return refuse(Refusal::kArgument, "layer %u of %u; the first is 0", layer,
                    state.options.shape.layers);
    }
    std::erase_if(sequence.arrivals, [](const auto& job) { return job->ended(); });
    if (sequence.arrivals.empty()) return {};
    arrivals = sequence.arrivals;
  }
  const Nanoseconds began = os::monotonic_now();
  for (const auto& job : arrivals) state.moves.wait_layer(*job, layer);
  state.waited_ns.fetch_add((os::monotonic_now() - began).value, std::memory_order_relaxed);
  return {};
}

/// Running: refuses when blocks that others go on holding would have to be had anew.
static Outcome give_back_from(Cache::State& state, Sequence& sequence, std::uint64_t tokens) {
  const std::uint64_t keep = state.blocks_for(tokens);
  const bool partial = tokens % state.block_tokens() != 0;
  const std::unique_lock held(state.lock);
  state.give_back_ahead(sequence);
  bool own_tail = false;
  if (partial) {
    const BlockId last = sequence.blocks[keep - 1];
    own_tail = keep == sequence.blocks.size()
                   ? state.blocks.reopen(last)
                   : state.blocks[last].kind == BlockKind::kOpen && state.blocks[last].leases == 1;
  }
  const std::uint64_t promise = sequence.cap - keep + (partial && !own_tail ? 1 : 0);
  std::uint64_t freed = 0;
  for (std::size_t i = keep; i < sequence.blocks.size(); ++i) {
    if (state.blocks[sequence.blocks[i]].leases == 1) ++freed;
  }
  const std::uint64_t kept = state.blocks.leased() + state.admission.promised();
  if (promise > sequence.promised + freed &&
      kept + promise - sequence.promised - freed > state.places.usable()) {
    return refuse(Refusal::kNoRoom,
                  "%" PRIu64
                  " blocks that it would give back stay with other sequences, and there "
                  "is no room for as many of its own; end it and begin again",
                  promise - sequence.promised - freed);
  }
  // Who has written into it shares it with nobody: one that is cut after each step looks for none.
  const BlockId shared = sequence.own_tail ? kNoBlock : sequence.blocks.back();
  for (; sequence.blocks.size() > keep; sequence.blocks.pop_back()) {
    state.blocks.unlease(sequence.blocks.back(),
                         static_cast<std::uint32_t>(sequence.hashes.size()));
  }
  sequence.own_tail = own_tail;
  state.set_promise(sequence, promise);
  if (shared != kNoBlock) state.unpromise_copy(shared);
  state.moves.keep_room();
  return {};
}

Outcome Cache::truncate(Sequence& sequence, std::uint64_t tokens) {
  State& state = *state_;
  const std::lock_guard own(sequence.lock);
  if (sequence.state == SequenceState::kEnded) return has_ended();
  if (tokens > sequence.tokens.size()) {
    return refuse(Refusal::kArgument, "it has %zu tokens, less than %" PRIu64,
                  sequence.tokens.size(), tokens);
  }
  if (tokens == sequence.tokens.size()) return {};
  if (sequence.state == SequenceState::kRunning) {
    if (Outcome outcome = give_back_from(state, sequence, tokens); !outcome.ok()) return outcome;
  } else {
    const std::unique_lock held(state.lock);
    state.cut_tail(sequence, tokens);
  }
  sequence.tokens.resize(tokens);
  sequence.written = std::min(sequence.written, tokens);
  sequence.matched = std::min(sequence.matched, tokens);
  sequence.hashes.resize(
      std::min<std::size_t>(sequence.hashes.size(), tokens / state.block_tokens()));
  return {};
}

}  // namespace terrace::kv
