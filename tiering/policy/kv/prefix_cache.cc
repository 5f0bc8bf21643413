// SPDX-License-Identifier: Apache-2.0
#include "tiering/policy/kv/prefix_cache.h"

#include <algorithm>

namespace terrace::policy {

PrefixCache::PrefixCache(std::uint32_t slots, std::unique_ptr<kv::EvictionPolicy> policy,
                         KvObserver* observer)
    : index_(slots), blocks_(slots), policy_(std::move(policy)), observer_(observer) {
  free_.reserve(slots);
  for (KvSlot slot = slots; slot > 0; --slot) free_.push_back(slot - 1);
}

std::uint32_t PrefixCache::longest_prefix(std::span<const ChainHash> blocks) const {
  std::uint32_t found = 0;
  while (found < blocks.size() && contains(blocks[found])) ++found;
  return found;
}

void PrefixCache::lease(KvSlot slot) {
  if (blocks_[slot].idle()) policy_->held(slot);
  ++blocks_[slot].leases;
}

void PrefixCache::evict(KvSlot slot) {
  Block& block = blocks_[slot];
  index_.erase(block.hash);
  policy_->evicted(slot);
  if (observer_ != nullptr) observer_->evicted(slot);
  free_.push_back(slot);
  if (block.parent == kNoSlot) return;
  --blocks_[block.parent].children;
  if (blocks_[block.parent].idle()) policy_->released(block.parent);
}

KvSlot PrefixCache::slot_for(std::uint32_t position) {
  if (free_.empty()) {
    const KvSlot victim = policy_->victim_for(position);
    if (victim == kNoSlot) return kNoSlot;
    evict(victim);
  }
  const KvSlot slot = free_.back();
  free_.pop_back();
  return slot;
}

KvServed PrefixCache::begin(std::span<const ChainHash> blocks) {
  blocks = blocks.first(std::min<std::size_t>(blocks.size(), kMostKvBlocks));
  policy_->begin({requests_++, blocks});
  KvServed served;
  KvSlot parent = kNoSlot;
  for (std::uint32_t i = 0; i < blocks.size(); ++i) {
    const KvSlot slot = index_.find(blocks[i]);
    if (slot == kv::ChainIndex::kNone) break;
    lease(slot);
    policy_->touched(slot, i);
    if (observer_ != nullptr) observer_->hit(slot);
    parent = slot;
    ++served.hit_blocks;
  }
  served.leased_blocks = served.hit_blocks;
  for (std::uint32_t i = served.hit_blocks; i < blocks.size(); ++i) {
    // A hash that is there without its parent, or twice in one request, is no chain: stop there.
    if (contains(blocks[i])) break;
    const KvSlot slot = slot_for(i);
    if (slot == kNoSlot) break;
    blocks_[slot] = {blocks[i], parent, 0, 1};
    if (parent != kNoSlot) ++blocks_[parent].children;
    index_.insert(blocks[i], slot);
    policy_->inserted(slot, i);
    if (observer_ != nullptr) observer_->inserted(slot);
    parent = slot;
    ++served.leased_blocks;
  }
  return served;
}

void PrefixCache::end(std::span<const ChainHash> blocks, std::uint32_t leased_blocks) {
  for (std::uint32_t i = leased_blocks; i > 0; --i) {
    const KvSlot slot = index_.find(blocks[i - 1]);
    --blocks_[slot].leases;
    if (blocks_[slot].idle()) policy_->released(slot);
  }
}

}  // namespace terrace::policy
