// SPDX-License-Identifier: Apache-2.0
#include "allocators/kv/keeper.h"

#include <algorithm>
#include <new>
#include <system_error>
#include <utility>

#include "allocators/os/clock.h"

namespace terrace::kv {
namespace {

// Of one call to the store: what a close may have to wait for beyond its time, and what cannot be
// moved or dropped meanwhile.
constexpr Bytes kMostBytes = MiB(64);
constexpr std::uint64_t kMostBlocks = 64;

}  // namespace

Keeper::Keeper(PrefixStore& store, const Shape& shape, Places& places, Blocks& blocks, Moves& moves,
               CacheLock& lock)
    : store_(store),
      shape_(shape),
      places_(places),
      blocks_(blocks),
      moves_(moves),
      lock_(lock),
      wanted_(blocks.count()),
      is_wanted_(blocks.count()) {
  const int error = thread_.start(&Keeper::enter, this, "terrace-kv-keep");
  if (error != 0) {
    throw std::system_error(error, std::generic_category(), "no thread for keeping KV blocks");
  }
}

Keeper::~Keeper() {
  {
    const std::unique_lock held(lock_);
    stopping_ = true;
  }
  wake_.notify_all();
  moves_.wake();
  thread_.join();
}

void* Keeper::enter(void* keeper) {
  static_cast<Keeper*>(keeper)->work();
  return nullptr;
}

std::uint64_t Keeper::most_at_once() const {
  return std::clamp<std::uint64_t>(kMostBytes.value / shape_.block_bytes().value, 1, kMostBlocks);
}

void Keeper::want(BlockId id) {
  if (is_wanted_[id] || blocks_[id].root.owner != 0) return;
  is_wanted_[id] = true;
  wanted_.push({id, blocks_[id].hash});
}

void Keeper::put_back(const Wanted& one) {
  if (!is_wanted_[one.id]) wanted_.push(one);
  is_wanted_[one.id] = true;
}

Keeper::Wanted Keeper::take_wanted() {
  const Wanted one = wanted_.pop();
  is_wanted_[one.id] = false;
  return one;
}

void Keeper::forget_wanted() {
  while (!wanted_.empty()) take_wanted();
}

void Keeper::found(std::span<const BlockId> blocks) {
  if (failed() || blocks.empty()) return;
  for (const BlockId id : blocks) want(id);
  if (!blocked_) return wake_.notify_one();
  moves_.wake();
}

bool Keeper::is_there(const Wanted& one) const {
  const Block& block = blocks_[one.id];
  return block.kind == BlockKind::kCached && block.hash == one.hash && block.root.owner == 0;
}

void Keeper::work() {
  std::unique_lock held(lock_);
  while (!stopping_) {
    if (wanted_.empty() || blocked_) {
      idle_.notify_all();
      if (wanted_.empty()) {
        wake_.wait(held);
      } else {
        moves_.wait_for_room(held);
      }
      blocked_ = false;
      continue;
    }
    busy_ = true;
    try {
      keep_some(held);
    } catch (const std::bad_alloc&) {
      // Tried again as if there had been no room.
      if (!held.owns_lock()) held.lock();
      blocked_ = true;
    }
    busy_ = false;
  }
}

/// Lock held, and open meanwhile. Throws std::bad_alloc before it has taken or held any.
void Keeper::keep_some(std::unique_lock<CacheLock>& held) {
  std::vector<BlockId> held_blocks;
  std::vector<StoredBlock> stored_blocks;
  held_blocks.reserve(most_at_once());
  stored_blocks.reserve(most_at_once());
  std::vector<Wanted> batch = take_batch();
  held.unlock();
  std::erase_if(batch, [&](const Wanted& one) { return store_.touch(one.hash); });
  held.lock();
  hold(batch, held_blocks);
  // Only put back: tried again when something has moved or ended.
  blocked_ = !batch.empty() && held_blocks.empty() && !wanted_.empty();
  for (const BlockId id : held_blocks) stored_blocks.push_back(stored(id));
  write(held_blocks, stored_blocks, held);
}

/// Lock held. The first ones that are still there.
std::vector<Keeper::Wanted> Keeper::take_batch() {
  if (deadline_.value != 0 && os::monotonic_now() > deadline_) forget_wanted();
  std::size_t left = std::min<std::size_t>(wanted_.size(), most_at_once());
  std::vector<Wanted> batch;
  batch.reserve(left);
  for (; left > 0; --left) {
    const Wanted one = take_wanted();
    if (is_there(one)) batch.push_back(one);
  }
  return batch;
}

/// Lock held. Those that cannot be held just now are wanted as before, and so are their children.
void Keeper::hold(std::span<const Wanted> batch, std::vector<BlockId>& held_blocks) {
  bool refused = false;
  for (const Wanted& one : batch) {
    if (!is_there(one)) continue;
    refused = refused || !moves_.hold(one.id);
    if (refused) {
      put_back(one);
    } else {
      held_blocks.push_back(one.id);
    }
  }
}

StoredBlock Keeper::stored(BlockId id) const {
  const Block& block = blocks_[id];
  StoredBlock stored;
  stored.hash = block.hash;
  stored.parent = block.parent == kNoBlock ? 0 : blocks_[block.parent].hash;
  stored.salt = blocks_.store_salt(id);
  stored.position = block.position;
  stored.tokens = blocks_.tokens_of(id);
  stored.data = {places_.address(block.place), shape_.block_bytes().value};
  return stored;
}

/// Lock held, and open while it is written: a held block keeps its place, its bytes and its tokens.
/// What the store has no memory for is not kept.
void Keeper::write(std::span<const BlockId> held_blocks, std::vector<StoredBlock>& blocks,
                   std::unique_lock<CacheLock>& held) {
  if (held_blocks.empty()) return;
  held.unlock();
  try {
    if (!store_.keep(blocks)) failed_.store(true, std::memory_order_relaxed);
  } catch (const std::bad_alloc&) {
    blocks.clear();
  }
  held.lock();
  // Its memory was found damaged while it was read.
  std::size_t damaged = 0;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    if (blocks_[held_blocks[i]].lost) blocks[damaged++] = blocks[i];
  }
  blocks.resize(damaged);
  moves_.let_go(held_blocks);
  if (failed()) forget_wanted();
  if (blocks.empty()) return;
  held.unlock();
  for (const StoredBlock& block : blocks) store_.forget(block.hash);
  held.lock();
}

void Keeper::keep_rest(Nanoseconds most) {
  const StoreStats stats = store_.stats();
  const std::uint64_t room = stats.capacity_blocks - std::min(stats.capacity_blocks, stats.blocks);
  {
    const std::unique_lock held(lock_);
    std::vector<BlockId> rest;
    for (BlockId id = 0; id < blocks_.count(); ++id) {
      const Block& block = blocks_[id];
      const bool shared = block.kind == BlockKind::kCached && block.root.owner == 0;
      if (shared && !store_.contains(block.hash)) rest.push_back(id);
    }
    std::ranges::stable_sort(rest, {}, [&](BlockId id) { return blocks_[id].position; });
    rest.resize(std::min<std::size_t>(rest.size(), room));
    deadline_ = os::monotonic_now() + most;
    found(rest);
  }
  // What still moves cannot be held.
  moves_.drain();
  drain();
}

void Keeper::drain() {
  std::unique_lock held(lock_);
  // It may not have seen yet that there is room now.
  if (std::exchange(blocked_, false)) moves_.wake();
  idle_.wait(held, [&] { return !busy_ && (wanted_.empty() || blocked_); });
}

}  // namespace terrace::kv
