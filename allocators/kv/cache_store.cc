// SPDX-License-Identifier: Apache-2.0
// Prefixes from the store: what memory has no more, or not yet after a restart.
#include <algorithm>
#include <mutex>
#include <new>
#include <ranges>

#include "allocators/kv/cache_state.h"

namespace terrace::kv {

namespace {

/// Blocks of a prompt as the store would have them. In memory a block is compared with its parent
/// itself, the store knows the parent by its hash alone: had two chains the same hash, the children
/// of one would be found for the other. So a record's salt is the chain's hash by a second seed.
class Prompt {
 public:
  Prompt(const ChainHasher& second, std::uint32_t block_tokens, std::span<const ChainHash> hashes,
         const ChainRoot& root, std::span<const Token> tokens)
      : block_tokens_(block_tokens),
        hashes_(hashes),
        tokens_(tokens),
        salts_(second.blocks(root, tokens.first(hashes.size() * block_tokens), block_tokens)) {}

  std::size_t size() const { return hashes_.size(); }
  StoredBlock operator[](std::size_t i) const {
    StoredBlock block;
    block.hash = hashes_[i];
    block.parent = i == 0 ? 0 : hashes_[i - 1];
    block.salt = salts_[i];
    block.position = static_cast<std::uint32_t>(i);
    block.tokens = tokens_.subspan(i * block_tokens_, block_tokens_);
    return block;
  }

 private:
  std::size_t block_tokens_;
  std::span<const ChainHash> hashes_;
  std::span<const Token> tokens_;
  std::vector<ChainHash> salts_;
};

std::size_t end_in(const PrefixStore& store, const Prompt& prompt, std::size_t first) {
  while (first < prompt.size() && store.matches(prompt[first])) ++first;
  return first;
}

}  // namespace

std::size_t Cache::State::stored_prefix(std::span<const ChainHash> hashes, std::size_t first,
                                        const ChainRoot& root,
                                        std::span<const Token> tokens) const {
  if (!may_be_stored(hashes, first, root)) return first;
  return end_in(*options.store, {second_hasher, block_tokens(), hashes, root, tokens}, first);
}

bool Cache::State::may_be_stored(std::span<const ChainHash> hashes, std::size_t first,
                                 const ChainRoot& root) const {
  return options.store != nullptr && root.owner == 0 && first < hashes.size() &&
         options.store->contains(hashes[first]);
}

/// Reads and verifies the blocks behind the first ones. One whose checksum is wrong ends them: the
/// store has counted and dropped it.
std::vector<PrefixStore::Lease> Cache::State::lease_stored(std::span<const ChainHash> hashes,
                                                           std::size_t first, const ChainRoot& root,
                                                           std::span<const Token> tokens) const {
  std::vector<PrefixStore::Lease> leases;
  const Prompt prompt(second_hasher, block_tokens(), hashes, root, tokens);
  const std::size_t end = end_in(*options.store, prompt, first);
  for (std::size_t i = first; i < end; ++i) {
    auto lease = options.store->lease(hashes[i]);
    // Another one of the same hash may have taken its place since.
    if (!lease || !*lease || !options.store->matches(prompt[i])) break;
    leases.push_back(std::move(**lease));
  }
  return leases;
}

void Cache::State::take_stored(Sequence& sequence, std::unique_lock<CacheLock>& held) {
  const std::size_t first = sequence.blocks.size();
  const std::span<const ChainHash> hashes = sequence.hashes;
  const std::span<const Token> tokens = sequence.tokens;
  if (!may_be_stored(hashes, first, sequence.root)) return;
  held.unlock();
  std::vector<PrefixStore::Lease> leases = lease_stored(hashes, first, sequence.root, tokens);
  std::vector<BlockId> filled;
  std::vector<PrefixStore::Lease> from;
  filled.reserve(leases.size());
  from.reserve(leases.size());
  sequence.arrivals.reserve(first + leases.size());
  held.lock();
  for (std::size_t i = 0; i < leases.size(); ++i) {
    const BlockId id = open_block(held);
    if (id == kNoBlock) break;
    sequence.blocks.push_back(id);
    set_promise(sequence, sequence.promised - 1);
  }
  // From here on the lock stays: nobody finds a block that is not being filled.
  for (std::size_t i = first; i < sequence.blocks.size(); ++i) {
    const BlockId opened = sequence.blocks[i];
    const BlockId parent = i == 0 ? kNoBlock : sequence.blocks[i - 1];
    const BlockId id =
        blocks.seal(opened, hashes[i], parent, sequence.root, static_cast<std::uint32_t>(i),
                    tokens.subspan(i * block_tokens(), block_tokens()));
    sequence.blocks[i] = id;
    if (id != opened) continue;
    filled.push_back(id);
    from.push_back(std::move(leases[i - first]));
  }
  try {
    moves.fill(filled, std::move(from), sequence.priority);
  } catch (const std::bad_alloc&) {
    // Children before their parents.
    for (const BlockId id : filled | std::views::reverse) blocks.reopen(id);
    throw;
  }
  store_hits += filled.size();
}

void Cache::State::close_store() {
  {
    const std::unique_lock held(lock);
    for (const SequenceRef& sequence : running) release_blocks(*sequence);
    while (!running.empty()) stop_running(*running.back());
  }
  try {
    keeper->keep_rest(kMostClosing);
  } catch (const std::bad_alloc&) {
    // What was found twice is there; nobody is left to be told of the rest.
  }
}

}  // namespace terrace::kv
