// SPDX-License-Identifier: Apache-2.0
#include "allocators/kv/cache.h"

#include <algorithm>
#include <mutex>
#include <shared_mutex>
#include <system_error>

#include "allocators/kv/cache_state.h"

namespace terrace::kv {
namespace {

/// Why these options cannot be; an empty text: they can.
Status check(const CacheOptions& options) {
  const auto wrong = [](const char* text) { return make_error(ErrorCode::kUsage, 0, "%s", text); };
  const Shape& shape = options.shape;
  if (shape.block_tokens == 0) return wrong("KV-cache: block_tokens is 0");
  if (shape.layers == 0) return wrong("KV-cache: layers is 0");
  if (shape.layer_bytes.value == 0 || shape.layer_bytes.value > (std::uint64_t{1} << 40)) {
    return wrong("KV-cache: layer_bytes is 0 or more than 1 TiB");
  }
  if (options.tiers.empty() || options.tiers.size() > kMaxTiers) {
    return wrong("KV-cache: no tier, or more than 16");
  }
  if (!options.make_policy) return wrong("KV-cache: no eviction policy");
  const std::byte* base = options.tiers.front().at;
  for (const TierPool& tier : options.tiers) base = std::min<const std::byte*>(base, tier.at);
  std::uint64_t all = 0;
  for (const TierPool& tier : options.tiers) {
    if (tier.at == nullptr || tier.blocks == 0) return wrong("KV-cache: a tier without blocks");
    const auto distance = static_cast<std::uint64_t>(tier.at - base);
    if (distance % shape.block_bytes().value != 0) {
      return wrong("KV-cache: a tier's pool is no whole number of blocks from another's");
    }
    all += tier.blocks;
    if (distance / shape.block_bytes().value + tier.blocks >= kNoPlace || all >= kNoPlace) {
      return wrong("KV-cache: more blocks, or pools farther apart, than 32 bits can number");
    }
  }
  return ok_status();
}

}  // namespace

void Cache::State::follow_places(Sequence& sequence) const {
  for (std::size_t i = 0; i < sequence.blocks.size(); ++i) {
    sequence.table[i] = blocks[sequence.blocks[i]].place;
  }
}

void Cache::State::copy_ahead(const Sequence& sequence) {
  constexpr std::size_t kMostAhead = 32;  // blocks a step
  std::vector<BlockId> slow;
  for (const BlockId id : sequence.blocks) {
    const bool still = blocks[id].kind == BlockKind::kCached && blocks[id].moving == Moving::kNo;
    if (still && blocks.tier_of(id) > 0) slow.push_back(id);
    if (slow.size() == kMostAhead) break;
  }
  moves.copy_ahead(slow, sequence.priority);
}

Cache::Cache(std::unique_ptr<State> state) : state_(std::move(state)) {}
Cache::~Cache() {
  if (state_->keeper != nullptr) state_->close_store();
}

Result<std::unique_ptr<Cache>> Cache::create(CacheOptions options) {
  if (const Status status = check(options); !status.ok()) return status.error();
  try {
    return std::unique_ptr<Cache>(new Cache(std::make_unique<State>(std::move(options))));
  } catch (const std::system_error& error) {
    return make_error(ErrorCode::kIo, error.code().value(), "KV-cache: %s", error.what());
  }
}

std::byte* Cache::base() const {
  return state_->places.base();
}
const Shape& Cache::shape() const {
  return state_->options.shape;
}

std::uint64_t Cache::match(std::span<const Token> tokens, std::uint64_t salt) const {
  if (tokens.empty()) return 0;
  const ChainRoot root{salt, 0};
  const std::size_t most = (tokens.size() - 1) / state_->block_tokens();
  const auto hashes = state_->hash_blocks(root, tokens.first(most * state_->block_tokens()));
  std::size_t found = 0;
  {
    const std::shared_lock held(state_->lock);
    found = state_->blocks.longest_prefix(hashes, root, tokens).size();
  }
  return state_->stored_prefix(hashes, found, root, tokens) * state_->block_tokens();
}

void Cache::set_limit(std::uint32_t tenant, std::uint64_t blocks) {
  const std::unique_lock held(state_->lock);
  state_->admission.set_limit(tenant, blocks);
}

Outcome Cache::lose(const void* address) {
  const std::unique_lock held(state_->lock);
  const Place place = state_->places.find(address);
  if (place == kNoPlace) {
    return refuse(Refusal::kArgument, "%p lies in no block of the cache", address);
  }
  state_->blocks.lose(place);
  return {};
}

void Cache::settle() {
  state_->moves.drain();
  if (state_->keeper != nullptr) state_->keeper->drain();
}

/// Blocks change places and all tables follow while the lock is held: nobody, an append that waits
/// for a place with its sequence's lock least of all, has to wait for a step that is half done.
void Cache::step() {
  State& state = *state_;
  if (state.places.tiers() == 1) return;
  std::vector<SequenceRef> running;
  {
    const std::unique_lock held(state.lock);
    running = state.running;
    if (state.moves.flip()) {
      for (const SequenceRef& sequence : running) state.follow_places(*sequence);
    }
  }
  for (const SequenceRef& sequence : running) {
    const std::unique_lock held(state.lock);
    if (sequence->state == SequenceState::kRunning) state.copy_ahead(*sequence);
  }
}

SequenceFacts Cache::facts(const Sequence& sequence) const {
  const State& state = *state_;
  const std::lock_guard own(sequence.lock);
  SequenceFacts facts;
  facts.paused = sequence.state == SequenceState::kPaused;
  facts.tokens = sequence.tokens.size();
  facts.written_tokens = sequence.written;
  facts.max_tokens = sequence.max_tokens;
  facts.matched_tokens = sequence.matched;
  facts.tenant = sequence.tenant;
  // Without those opened ahead; a paused one holds none.
  facts.blocks = std::min(sequence.blocks.size(), state.blocks_for(facts.tokens));
  facts.ready_layers = state.options.shape.layers;
  for (const auto& job : sequence.arrivals) {
    facts.ready_layers = std::min(facts.ready_layers, job->layers_done());
  }
  const std::shared_lock held(state.lock);
  for (std::size_t i = 0; i < facts.blocks; ++i) {
    const Block& block = state.blocks[sequence.blocks[i]];
    if (block.leases > 1) ++facts.shared_blocks;
    ++facts.tier_blocks[state.places.tier_of(block.place)];
    if (block.lost && facts.lost_from == kNothingLost) facts.lost_from = i * state.block_tokens();
  }
  return facts;
}

CacheFacts Cache::facts() const {
  const State& state = *state_;
  const std::shared_lock held(state.lock);
  CacheFacts facts;
  for (BlockId id = 0; id < state.blocks.count(); ++id) {
    const Block& block = state.blocks[id];
    if (block.kind == BlockKind::kFree || block.place == kNoPlace) continue;
    const std::uint32_t tier = state.places.tier_of(block.place);
    if (block.leases > 0) {
      ++facts.used_blocks[tier];
    } else if (block.kind == BlockKind::kCached) {
      ++facts.cached_blocks[tier];
    }
  }
  facts.hit_blocks = state.hits;
  facts.promised_blocks = state.admission.promised();
  facts.sequences = state.admission.running();
  facts.paused_sequences = state.paused;
  facts.looked_up_blocks = state.looked_up;
  facts.evicted_blocks = state.blocks.evicted();
  facts.demoted_blocks = state.moves.demoted();
  facts.promoted_blocks = state.moves.promoted();
  facts.spilled_blocks = state.blocks.spilled();
  facts.copied_blocks = state.copied;
  facts.store_hit_blocks = state.store_hits;
  facts.store_failed = state.keeper != nullptr && state.keeper->failed();
  facts.refused_sequences = state.admission.refused();
  facts.lost_blocks = state.blocks.lost();
  facts.waited = Nanoseconds(state.waited_ns.load(std::memory_order_relaxed));
  facts.prefetched = state.moves.prefetched();
  return facts;
}

}  // namespace terrace::kv
