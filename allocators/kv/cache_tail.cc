// SPDX-License-Identifier: Apache-2.0
// The last, not full block of a paused sequence: kept in the cache like full ones, to go on with.
// It stands there under a key of the sequence's own, or is a full block of which the sequence has
// the first tokens only. Others that hold it may take it back to write into it; then it is gone.
#include <mutex>
#include <span>

#include "allocators/kv/cache_state.h"

namespace terrace::kv {
namespace {

// Sets the kept tail of a paused sequence apart from chains of private ones.
constexpr std::uint64_t kTailOwner = std::uint64_t{1} << 63;

ChainRoot own_root(const Sequence& sequence) {
  return {sequence.root.salt, sequence.id | kTailOwner};
}

}  // namespace

void Cache::State::keep_tail(Sequence& sequence) {
  const std::size_t full = sequence.hashes.size();
  const std::span<const Token> tokens = std::span(sequence.tokens).subspan(full * block_tokens());
  sequence.tail_hash = 0;
  if (tokens.empty() || sequence.blocks.size() != full + 1) return;
  BlockId& last = sequence.blocks.back();
  if (blocks[last].kind == BlockKind::kOpen) {
    const ChainHash before = full == 0 ? 0 : sequence.hashes.back();
    const BlockId parent = full == 0 ? kNoBlock : sequence.blocks[full - 1];
    const ChainRoot root = own_root(sequence);
    // An earlier tail of the same tokens may still be there, if it moved when it was dropped.
    last = blocks.seal(last, hasher.block(hasher.root({before, root.owner}), tokens), parent, root,
                       static_cast<std::uint32_t>(full), tokens);
  }
  if (blocks[last].kind != BlockKind::kCached) return;
  sequence.tail_hash = blocks[last].hash;
  sequence.tail_root = blocks[last].root;
}

void Cache::State::cut_tail(Sequence& sequence, std::uint64_t tokens) {
  const std::size_t full = tokens / block_tokens();
  const bool partial = tokens % block_tokens() != 0;
  if (full == sequence.hashes.size() && partial) return;
  drop_tail(sequence);
  if (!partial) return;
  sequence.tail_hash = sequence.hashes[full];
  sequence.tail_root = sequence.root;
}

BlockId Cache::State::find_tail(const Sequence& sequence, std::span<const BlockId> found) const {
  const std::size_t full = sequence.hashes.size();
  const std::span<const Token> tokens = std::span(sequence.tokens).subspan(full * block_tokens());
  if (sequence.tail_hash == 0 || tokens.empty() || found.size() != full) return kNoBlock;
  return blocks.find_beginning(sequence.tail_hash, found.empty() ? kNoBlock : found.back(),
                               sequence.tail_root, tokens);
}

void Cache::State::take_tail(Sequence& sequence, BlockId tail) {
  // One that moves, or that others have as well, is copied by the first append.
  sequence.own_tail = blocks.reopen(tail);
  if (sequence.own_tail) sequence.tail_hash = 0;
}

void Cache::State::drop_tail(Sequence& sequence) {
  const BlockId tail = sequence.tail_hash == 0 ? kNoBlock : blocks.find(sequence.tail_hash);
  sequence.tail_hash = 0;
  if (tail == kNoBlock || blocks[tail].root != own_root(sequence)) return;
  // One that moves or is held just now stays until the policy has it go.
  if (blocks[tail].moving != Moving::kNo || blocks[tail].leases > 0) return;
  blocks.drop(tail);
}

}  // namespace terrace::kv
