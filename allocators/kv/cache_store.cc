// SPDX-License-Identifier: Apache-2.0
// Prefixes from the store: what memory has no more, or not yet after a restart.
#include <algorithm>
#include <mutex>

#include "allocators/kv/cache_state.h"

namespace terrace::kv {

StoredBlock Cache::State::wanted(std::span<const ChainHash> hashes, std::size_t i,
                                 const ChainRoot& root, std::span<const Token> tokens) const {
  StoredBlock block;
  block.hash = hashes[i];
  block.parent = i == 0 ? 0 : hashes[i - 1];
  block.salt = root.salt;
  block.position = static_cast<std::uint32_t>(i);
  block.tokens = tokens.subspan(i * block_tokens(), block_tokens());
  return block;
}

std::size_t Cache::State::stored_prefix(std::span<const ChainHash> hashes, std::size_t first,
                                        const ChainRoot& root,
                                        std::span<const Token> tokens) const {
  std::size_t end = first;
  if (options.store == nullptr || root.owner != 0) return end;
  while (end < hashes.size() && options.store->matches(wanted(hashes, end, root, tokens))) ++end;
  return end;
}

/// Reads and verifies the blocks behind the first ones. One whose checksum is wrong ends them: the
/// store has counted and dropped it.
std::vector<PrefixStore::Lease> Cache::State::lease_stored(std::span<const ChainHash> hashes,
                                                           std::size_t first, const ChainRoot& root,
                                                           std::span<const Token> tokens) const {
  std::vector<PrefixStore::Lease> leases;
  const std::size_t end = stored_prefix(hashes, first, root, tokens);
  for (std::size_t i = first; i < end; ++i) {
    auto lease = options.store->lease(hashes[i]);
    // Another one of the same hash may have taken its place since.
    if (!lease || !*lease || !options.store->matches(wanted(hashes, i, root, tokens))) break;
    leases.push_back(std::move(**lease));
  }
  return leases;
}

void Cache::State::take_stored(Sequence& sequence, std::span<const ChainHash> hashes,
                               std::span<const Token> tokens, std::unique_lock<CacheLock>& held) {
  const std::size_t first = sequence.blocks.size();
  if (options.store == nullptr || sequence.root.owner != 0 || first >= hashes.size()) return;
  held.unlock();
  std::vector<PrefixStore::Lease> leases = lease_stored(hashes, first, sequence.root, tokens);
  held.lock();
  for (std::size_t i = 0; i < leases.size(); ++i) {
    const BlockId id = open_block(held);
    if (id == kNoBlock) break;
    sequence.blocks.push_back(id);
  }
  // From here on the lock stays: nobody finds a block that is not being filled.
  std::vector<BlockId> filled;
  std::vector<PrefixStore::Lease> from;
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
  store_hits += filled.size();
  moves.fill(filled, std::move(from), sequence.priority);
  read_places(sequence, first);
  renew_promise(sequence);
}

void Cache::State::close_store() {
  {
    const std::unique_lock held(lock);
    for (const SequenceRef& sequence : running) release_blocks(*sequence);
    while (!running.empty()) stop_running(*running.back());
  }
  keeper->keep_rest(kMostClosing);
}

}  // namespace terrace::kv
