// SPDX-License-Identifier: Apache-2.0
// Into the cache: begin, fork, resume, and prefetch before it.
#include <algorithm>
#include <cinttypes>
#include <mutex>

#include "allocators/kv/cache_state.h"

namespace terrace::kv {
namespace {

Outcome check_max_tokens(std::uint64_t max_tokens, std::uint64_t tokens) {
  if (max_tokens >= std::max<std::uint64_t>(tokens, 1)) return {};
  return refuse(Refusal::kArgument,
                "max_tokens %" PRIu64 " is less than the %" PRIu64
                " tokens that there are, or 0; "
                "give the most that the sequence can grow to",
                max_tokens, tokens);
}

void make_arrays(Sequence& sequence) {
  sequence.tokens.reserve(sequence.max_tokens);
  sequence.blocks.reserve(sequence.cap);
  sequence.hashes.reserve(sequence.cap);
  sequence.table = std::make_unique<Place[]>(sequence.cap);
}

std::uint64_t unleased(const Blocks& blocks, std::span<const BlockId> ids) {
  return static_cast<std::uint64_t>(
      std::ranges::count_if(ids, [&](BlockId id) { return blocks[id].leases == 0; }));
}

}  // namespace

SequenceRef Cache::State::make_sequence(std::uint64_t max_tokens, std::uint32_t tenant,
                                        std::int32_t priority) {
  auto made = std::make_shared<Sequence>();
  made->id = next_id.fetch_add(1, std::memory_order_relaxed);
  made->max_tokens = max_tokens;
  made->cap = blocks_for(max_tokens);
  made->tenant = tenant;
  made->priority = priority;
  make_arrays(*made);
  return made;
}

Outcome Cache::State::may_run(const Sequence& sequence, const Claim& claim) {
  return admission.may_run(sequence.tenant, sequence.cap, claim, blocks.leased(), places.usable());
}

Outcome Cache::State::check_cap(std::uint64_t max_tokens) {
  if (blocks_for(max_tokens) <= blocks.count()) return {};
  const std::unique_lock held(lock);
  return admission.refuse_for_good(max_tokens, blocks.count(), block_tokens());
}

void Cache::State::admit(Sequence& sequence) {
  sequence.promised = promise_of(sequence);
  admission.runs(sequence.tenant, sequence.cap, sequence.promised);
}

void Cache::State::start_running(const SequenceRef& sequence) {
  sequence->state = SequenceState::kRunning;
  sequence->running_at = running.size();
  running.push_back(sequence);
}

void Cache::State::take_found(Sequence& sequence, std::span<const ChainHash> hashes,
                              const std::vector<BlockId>& found) {
  blocks.asked(hashes, found);
  looked_up += hashes.size();
  std::vector<BlockId> free_to_move;
  for (const BlockId id : found) {
    ++hits[blocks.tier_of(id)];
    // Tables of others name the places of those that they lease.
    if (blocks[id].leases == 0) free_to_move.push_back(id);
    blocks.lease(id);
  }
  moves.arrive(free_to_move, sequence.priority);
  if (keeper != nullptr) keeper->found(found);
  sequence.blocks.assign(found.begin(), found.end());
  sequence.arrivals.clear();
  read_places(sequence, 0);
}

void Cache::State::read_places(Sequence& sequence, std::size_t first) {
  for (std::size_t i = first; i < sequence.blocks.size(); ++i) {
    const Block& block = blocks[sequence.blocks[i]];
    sequence.table[i] = block.place;
    if (block.moving != Moving::kArrival) continue;
    if (std::ranges::find(sequence.arrivals, block.job) == sequence.arrivals.end()) {
      sequence.arrivals.push_back(block.job);
    }
  }
}

Outcome Cache::begin(const SequenceOptions& options, SequenceRef& sequence) {
  State& state = *state_;
  if (Outcome outcome = check_max_tokens(options.max_tokens, options.tokens.size());
      !outcome.ok()) {
    return outcome;
  }
  if (Outcome outcome = state.check_cap(options.max_tokens); !outcome.ok()) return outcome;
  SequenceRef begun = state.make_sequence(options.max_tokens, options.tenant, options.priority);
  begun->root = {options.salt, options.shared ? 0 : begun->id};
  const auto hashes = state.hash_blocks(begun->root, options.tokens);
  const std::size_t most =
      options.tokens.empty() ? 0 : (options.tokens.size() - 1) / state.block_tokens();
  std::unique_lock held(state.lock);
  const auto found =
      state.blocks.longest_prefix(std::span(hashes).first(most), begun->root, options.tokens);
  const Claim claim{unleased(state.blocks, found), begun->cap - found.size()};
  if (Outcome outcome = state.may_run(*begun, claim); !outcome.ok()) return outcome;
  state.take_found(*begun, hashes, found);
  state.admit(*begun);
  state.take_stored(*begun, std::span(hashes).first(most), options.tokens, held);
  const std::size_t there = begun->blocks.size();
  begun->matched = begun->written = there * state.block_tokens();
  begun->tokens.assign(options.tokens.begin(),
                       options.tokens.begin() + static_cast<std::ptrdiff_t>(begun->matched));
  begun->hashes.assign(hashes.begin(), hashes.begin() + static_cast<std::ptrdiff_t>(there));
  state.start_running(begun);
  sequence = std::move(begun);
  return {};
}

Outcome Cache::fork(Sequence& sequence, std::uint64_t max_tokens, SequenceRef& fork) {
  State& state = *state_;
  const std::lock_guard own(sequence.lock);
  if (Outcome outcome = must_run(sequence); !outcome.ok()) return outcome;
  if (sequence.written != sequence.tokens.size()) {
    return refuse(Refusal::kBusy,
                  "%" PRIu64
                  " of its %zu tokens are written; say that the others "
                  "are before it is forked",
                  sequence.written, sequence.tokens.size());
  }
  if (Outcome outcome = check_max_tokens(max_tokens, sequence.tokens.size()); !outcome.ok()) {
    return outcome;
  }
  if (Outcome outcome = state.check_cap(max_tokens); !outcome.ok()) return outcome;
  SequenceRef begun = state.make_sequence(max_tokens, sequence.tenant, sequence.priority);
  begun->root = sequence.root;
  const std::unique_lock held(state.lock);
  // Either of them may be the first to write into the last block, and copies it then.
  const bool partial = sequence.tokens.size() % state.block_tokens() != 0;
  const std::uint64_t copies = partial ? (sequence.own_tail ? 2 : 1) : 0;
  const Claim claim{0, begun->cap - sequence.blocks.size() + copies};
  if (Outcome outcome = state.may_run(*begun, claim); !outcome.ok()) return outcome;
  for (const BlockId id : sequence.blocks) state.blocks.lease(id);
  begun->blocks.assign(sequence.blocks.begin(), sequence.blocks.end());
  std::copy_n(sequence.table.get(), sequence.blocks.size(), begun->table.get());
  begun->tokens.assign(sequence.tokens.begin(), sequence.tokens.end());
  begun->hashes.assign(sequence.hashes.begin(), sequence.hashes.end());
  begun->arrivals = sequence.arrivals;
  begun->written = begun->matched = sequence.written;
  sequence.own_tail = false;
  state.renew_promise(sequence);
  state.admit(*begun);
  state.start_running(begun);
  fork = std::move(begun);
  return {};
}

Claim Cache::State::claim_of(const Sequence& sequence, std::span<const BlockId> found,
                             BlockId tail) const {
  Claim claim{unleased(blocks, found), sequence.cap - found.size()};
  if (tail == kNoBlock) return claim;
  if (blocks[tail].leases == 0) ++claim.newly_leased;
  if (blocks.may_reopen(tail)) --claim.promised;
  return claim;
}

/// Without its last, not full block; with what the store has of the others.
void Cache::State::resume_full_blocks(Sequence& sequence, std::unique_lock<CacheLock>& held) {
  sequence.own_tail = false;
  sequence.tokens.resize(sequence.hashes.size() * block_tokens());
  admit(sequence);
  take_stored(sequence, sequence.hashes, sequence.tokens, held);
  sequence.hashes.resize(sequence.blocks.size());
  sequence.tokens.resize(sequence.blocks.size() * block_tokens());
}

Outcome Cache::resume(Sequence& sequence) {
  State& state = *state_;
  const std::lock_guard own(sequence.lock);
  if (Outcome outcome = must_be_paused(sequence); !outcome.ok()) return outcome;
  std::unique_lock held(state.lock);
  auto found = state.blocks.longest_prefix(sequence.hashes, sequence.root, sequence.tokens);
  BlockId tail = state.find_tail(sequence, found);
  Claim claim = state.claim_of(sequence, found, tail);
  if (!state.admission.has_room(claim, state.blocks.leased(), state.places.usable())) {
    // Its copy may be what there is no room for.
    tail = kNoBlock;
    claim = state.claim_of(sequence, found, tail);
  }
  if (Outcome outcome = state.may_run(sequence, claim); !outcome.ok()) return outcome;
  make_arrays(sequence);
  state.take_found(sequence, sequence.hashes, found);
  if (tail != kNoBlock) {
    sequence.own_tail = state.take_tail(sequence, tail);
    state.admit(sequence);
  } else {
    state.drop_tail(sequence);
    state.resume_full_blocks(sequence, held);
  }
  sequence.written = sequence.matched = sequence.tokens.size();
  --state.paused;
  state.start_running(sequence.shared_from_this());
  return {};
}

Outcome Cache::prefetch(Sequence& sequence) {
  State& state = *state_;
  const std::lock_guard own(sequence.lock);
  if (Outcome outcome = must_be_paused(sequence); !outcome.ok()) return outcome;
  const std::unique_lock held(state.lock);
  auto found = state.blocks.longest_prefix(sequence.hashes, sequence.root, sequence.tokens);
  if (const BlockId tail = state.find_tail(sequence, found); tail != kNoBlock) {
    found.push_back(tail);
  }
  std::erase_if(found, [&](BlockId id) { return state.blocks[id].leases > 0; });
  state.moves.expect(found, sequence.priority);
  return {};
}

}  // namespace terrace::kv
