// SPDX-License-Identifier: Apache-2.0
// Into the cache: begin, fork, resume, and prefetch before it.
#include <algorithm>
#include <cinttypes>
#include <mutex>

#include "allocators/kv/cache_state.h"
#include "allocators/kv/entering.h"

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

/// Hashes and tokens of the blocks that it has.
void keep_full_blocks(Sequence& sequence, std::size_t block_tokens) {
  sequence.hashes.resize(sequence.blocks.size());
  sequence.tokens.resize(sequence.blocks.size() * block_tokens);
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

void Cache::State::read_places(Sequence& sequence) {
  for (std::size_t i = 0; i < sequence.blocks.size(); ++i) {
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
  // One token at least is left to compute.
  const std::size_t most =
      options.tokens.empty() ? 0 : (options.tokens.size() - 1) / state.block_tokens();
  const auto known = options.tokens.first(most * state.block_tokens());
  begun->hashes.assign(hashes.begin(), hashes.begin() + static_cast<std::ptrdiff_t>(most));
  begun->tokens.assign(known.begin(), known.end());
  std::unique_lock held(state.lock);
  const auto found = state.blocks.longest_prefix(begun->hashes, begun->root, begun->tokens);
  const Claim claim{unleased(state.blocks, found), begun->cap - found.size()};
  if (Outcome outcome = state.may_run(*begun, claim); !outcome.ok()) return outcome;
  Entering entering(state, begun, held);
  entering.take_found(hashes, found);
  entering.admit(claim.promised);
  state.take_stored(*begun, held);
  entering.run();
  keep_full_blocks(*begun, state.block_tokens());
  begun->matched = begun->written = begun->tokens.size();
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
  begun->tokens.assign(sequence.tokens.begin(), sequence.tokens.end());
  begun->hashes.assign(sequence.hashes.begin(), sequence.hashes.end());
  begun->written = begun->matched = sequence.written;
  std::unique_lock held(state.lock);
  state.give_back_ahead(sequence);
  // Either of them may be the first to write into the last block, and copies it then.
  const bool partial = sequence.tokens.size() % state.block_tokens() != 0;
  const std::uint64_t copies = partial ? (sequence.own_tail ? 2 : 1) : 0;
  const Claim claim{0, begun->cap - sequence.blocks.size() + copies};
  if (Outcome outcome = state.may_run(*begun, claim); !outcome.ok()) return outcome;
  Entering entering(state, begun, held);
  entering.lease(sequence.blocks);
  entering.admit(state.promise_of(*begun));
  entering.run();
  sequence.own_tail = false;
  state.renew_promise(sequence);
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
  Entering entering(state, sequence.shared_from_this(), held);
  entering.take_found(sequence.hashes, found);
  if (tail != kNoBlock) entering.lease(std::span(&tail, 1));
  entering.admit(claim.promised);
  if (tail == kNoBlock) state.take_stored(sequence, held);
  entering.run();
  if (tail != kNoBlock) {
    state.take_tail(sequence, tail);
  } else {
    state.drop_tail(sequence);
    keep_full_blocks(sequence, state.block_tokens());
  }
  sequence.written = sequence.matched = sequence.tokens.size();
  --state.paused;
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
