// SPDX-License-Identifier: Apache-2.0
#include "allocators/kv/blocks.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace terrace::kv {
namespace {

std::uint32_t all_slots(const Places& places) {
  std::uint32_t sum = 0;
  for (std::uint32_t tier = 0; tier < places.tiers(); ++tier) sum += places.slots(tier);
  return sum;
}

/// But for what open() sets: to make all of a record anew takes as long as the rest of open().
[[maybe_unused]] bool is_as_new(const Block& block) {
  const bool childless = std::ranges::all_of(block.children_on, [](auto n) { return n == 0; });
  return childless && block.other == kNoPlace && block.moving == Moving::kNo && !block.known &&
         !block.offered && block.copiers == 0 && block.job == nullptr;
}

}  // namespace

Blocks::Blocks(const CacheOptions& options, Places& places)
    : places_(places),
      block_tokens_(options.shape.block_tokens),
      index_(all_slots(places)),
      blocks_(all_slots(places)),
      tokens_(std::size_t{all_slots(places)} * options.shape.block_tokens),
      chain_blocks_(all_slots(places)),
      second_hasher_(ChainHasher(options.hash_seed).second()),
      store_salts_(options.store != nullptr ? all_slots(places) : 0) {
  free_.reserve(blocks_.size());
  for (BlockId id = count(); id > 0; --id) free_.push_back(id - 1);
  for (std::uint32_t tier = 0; tier < places.tiers(); ++tier) {
    at_.emplace_back(places.slots(tier), kNoBlock);
    policies_.push_back(options.make_policy(places.slots(tier)));
  }
}

BlockId Blocks::find(ChainHash hash, BlockId parent, const ChainRoot& root,
                     std::span<const Token> tokens) const {
  const BlockId id = find_beginning(hash, parent, root, tokens);
  return id != kNoBlock && blocks_[id].filled == tokens.size() ? id : kNoBlock;
}

BlockId Blocks::find_beginning(ChainHash hash, BlockId parent, const ChainRoot& root,
                               std::span<const Token> tokens) const {
  const BlockId id = index_.find(hash);
  if (id == kNoBlock) return kNoBlock;
  const Block& block = blocks_[id];
  const bool begins = block.parent == parent && block.root == root &&
                      block.filled >= tokens.size() &&
                      std::ranges::equal(tokens_of(id).first(tokens.size()), tokens);
  return begins ? id : kNoBlock;
}

std::vector<BlockId> Blocks::longest_prefix(std::span<const ChainHash> hashes,
                                            const ChainRoot& root,
                                            std::span<const Token> tokens) const {
  std::vector<BlockId> found;
  found.reserve(hashes.size());
  BlockId parent = kNoBlock;
  for (std::size_t i = 0; i < hashes.size(); ++i) {
    if (i + 4 < hashes.size()) index_.expect(hashes[i + 4]);
    parent = find(hashes[i], parent, root, tokens.subspan(i * block_tokens_, block_tokens_));
    if (parent == kNoBlock) break;
    found.push_back(parent);
  }
  return found;
}

void Blocks::asked(std::span<const ChainHash> hashes, std::span<const BlockId> found) {
  hashes = hashes.first(std::min<std::size_t>(hashes.size(), kMostKvBlocks));
  for (const auto& policy : policies_) policy->begin({requests_, hashes});
  ++requests_;
  for (std::uint32_t i = 0; i < std::min(found.size(), hashes.size()); ++i) {
    const Block& block = blocks_[found[i]];
    if (block.known) policies_[tier_of(found[i])]->touched(places_.slot_of(block.place), i);
  }
}

void Blocks::set_at(Place place, BlockId id) {
  at_[places_.tier_of(place)][places_.slot_of(place)] = id;
}

Place Blocks::take_place() {
  for (std::uint32_t tier = 0; tier < places_.tiers(); ++tier) {
    const Place place = places_.take(tier);
    if (place == kNoPlace) continue;
    if (tier > 0) ++spilled_;
    return place;
  }
  if (!drop_least(0)) return kNoPlace;
  return take_place();
}

BlockId Blocks::open() {
  const Place place = take_place();
  if (place == kNoPlace) return kNoBlock;
  // A block has a place at least, so there are as many records as places.
  const BlockId id = free_.back();
  free_.pop_back();
  // All else is as in a new one: free_if_unused().
  Block& block = blocks_[id];
  block.hash = 0;
  block.root = {};
  block.parent = kNoBlock;
  block.position = block.filled = 0;
  block.lost = false;
  block.place = place;
  block.kind = BlockKind::kOpen;
  block.leases = 1;
  ++leased_;
  set_at(place, id);
  return id;
}

void Blocks::lease(BlockId id) {
  if (blocks_[id].leases++ == 0) ++leased_;
  offer_or_hold(id);
}

void Blocks::unlease(BlockId id, std::uint32_t chain_blocks) {
  Block& block = blocks_[id];
  if (--block.leases > 0) return;
  --leased_;
  chain_blocks_[id] = chain_blocks;
  // Nobody's table names the old place.
  if (block.moving == Moving::kReady) {
    swap_places(id);
    end_move(id);
    return;
  }
  offer_or_hold(id);
  free_if_unused(id);
}

BlockId Blocks::seal(BlockId id, ChainHash hash, BlockId parent, const ChainRoot& root,
                     std::uint32_t position, std::span<const Token> tokens) {
  Block& block = blocks_[id];
  block.kind = BlockKind::kSealed;
  const bool reachable = parent == kNoBlock || blocks_[parent].kind == BlockKind::kCached;
  if (block.lost || !reachable) return id;
  const BlockId same = find(hash, parent, root, tokens);
  if (same != kNoBlock) {
    lease(same);
    unlease(id, 0);
    return same;
  }
  if (index_.find(hash) != kNoBlock) return id;
  block.hash = hash;
  block.root = root;
  block.parent = parent;
  block.position = position;
  block.filled = static_cast<std::uint32_t>(tokens.size());
  std::ranges::copy(tokens, tokens_.begin() + static_cast<std::ptrdiff_t>(id) * block_tokens_);
  if (!store_salts_.empty()) {
    const ChainHash before = parent == kNoBlock ? second_hasher_.root(root) : store_salts_[parent];
    store_salts_[id] = second_hasher_.block(before, tokens);
  }
  block.kind = BlockKind::kCached;
  index_.insert(hash, id);
  count_at_parent(block, 1);
  return id;
}

bool Blocks::may_reopen(BlockId id) const {
  const Block& block = blocks_[id];
  return block.leases == 0 && block.moving == Moving::kNo && block.children == 0;
}

bool Blocks::reopen(BlockId id) {
  Block& block = blocks_[id];
  if (block.leases != 1 || block.moving != Moving::kNo || block.children > 0) return false;
  if (block.kind == BlockKind::kCached) unindex(id);
  block.kind = BlockKind::kOpen;
  return true;
}

// Children ---------------------------------------------------------------------------------------

/// A cached child came (1) or went (-1, as unsigned).
void Blocks::count_at_parent(const Block& block, std::uint32_t change) {
  if (block.parent == kNoBlock) return;
  Block& parent = blocks_[block.parent];
  parent.children += change;
  parent.children_on[places_.tier_of(block.place)] += change;
  offer_or_hold(block.parent);
  free_if_unused(block.parent);
}

KvBlock Blocks::told_of(const Block& block, BlockId id) const {
  const ChainHash parent = block.parent == kNoBlock ? 0 : blocks_[block.parent].hash;
  return {block.hash, parent, block.position, std::max(chain_blocks_[id], block.position + 1)};
}

/// Tells the tier's policy whether the block may leave its tier, when that has changed.
void Blocks::offer_or_hold(BlockId id) {
  Block& block = blocks_[id];
  if (block.kind != BlockKind::kCached && !block.known) return;
  const std::uint32_t tier = tier_of(id);
  std::uint32_t near = 0;
  for (std::uint32_t i = 0; i <= tier; ++i) near += block.children_on[i];
  const bool may_go = block.kind == BlockKind::kCached && block.leases == 0 && near == 0 &&
                      block.moving == Moving::kNo;
  const KvSlot slot = places_.slot_of(block.place);
  if (block.leases == 0 && block.moving == Moving::kNo && !block.known) {
    policies_[tier]->joined(slot, told_of(block, id));
    block.known = true;
  }
  if (may_go == block.offered) return;
  block.offered = may_go;
  if (may_go) {
    policies_[tier]->released(slot);
  } else {
    policies_[tier]->held(slot);
  }
}

void Blocks::leave_policy(BlockId id) {
  Block& block = blocks_[id];
  if (block.known) policies_[tier_of(id)]->evicted(places_.slot_of(block.place));
  block.known = block.offered = false;
}

// Going ------------------------------------------------------------------------------------------

void Blocks::unindex(BlockId id) {
  Block& block = blocks_[id];
  leave_policy(id);
  index_.erase(block.hash);
  block.kind = BlockKind::kSealed;
  count_at_parent(block, ~std::uint32_t{0});
  block.parent = kNoBlock;
}

/// A block that cannot be found and is not in use. Its record stays as long as it has children:
/// they name it as their parent, and must not find another block under its number.
void Blocks::free_if_unused(BlockId id) {
  Block& block = blocks_[id];
  if (block.leases > 0 || block.moving != Moving::kNo) return;
  if (block.kind != BlockKind::kSealed && block.kind != BlockKind::kOpen) return;
  if (block.place != kNoPlace) {
    set_at(block.place, kNoBlock);
    places_.give(block.place);
    block.place = kNoPlace;
  }
  if (block.children > 0) return;
  assert(is_as_new(block));
  block.kind = BlockKind::kFree;
  free_.push_back(id);
}

void Blocks::drop(BlockId id) {
  unindex(id);
  free_if_unused(id);
  ++evicted_;
}

BlockId Blocks::least(std::uint32_t tier) {
  const KvSlot slot = policies_[tier]->least();
  return slot == kNoSlot ? kNoBlock : at_[tier][slot];
}

bool Blocks::drop_least(std::uint32_t from) {
  for (std::uint32_t tier = places_.tiers(); tier > from; --tier) {
    const BlockId id = least(tier - 1);
    if (id == kNoBlock || blocks_[id].children > 0) continue;
    drop(id);
    return true;
  }
  return drop_any_leaf(from);
}

/// Where all that policies name has children on slower tiers, whose own children are on faster
/// ones: seldom, so that a search through all blocks will do.
bool Blocks::drop_any_leaf(std::uint32_t from) {
  BlockId slowest = kNoBlock;
  for (BlockId id = 0; id < count(); ++id) {
    const Block& block = blocks_[id];
    if (!block.offered || block.children > 0 || tier_of(id) < from) continue;
    if (slowest == kNoBlock || tier_of(id) > tier_of(slowest)) slowest = id;
  }
  if (slowest == kNoBlock) return false;
  drop(slowest);
  return true;
}

void Blocks::lose(Place place) {
  const BlockId id = block_at(place);
  const bool cached = id != kNoBlock && blocks_[id].kind == BlockKind::kCached;
  const std::vector<BlockId> behind = cached && blocks_[id].children > 0
                                          ? cached_behind(blocks_[id].position)
                                          : std::vector<BlockId>();
  if (!places_.mark_bad(place) || id == kNoBlock) return;
  blocks_[id].lost = true;
  ++lost_;
  if (cached) unindex(id);
  forget_orphans(behind);
  free_if_unused(id);
}

/// Parents before their children. Blocks do not know their children, and a loss is seldom, so that
/// a search through all will do.
std::vector<BlockId> Blocks::cached_behind(std::uint32_t position) const {
  std::vector<BlockId> behind;
  for (BlockId id = 0; id < count(); ++id) {
    const Block& block = blocks_[id];
    if (block.kind == BlockKind::kCached && block.position > position) behind.push_back(id);
  }
  std::ranges::stable_sort(behind, {}, [&](BlockId id) { return blocks_[id].position; });
  return behind;
}

/// Those whose chains are broken leave the index, or the same tokens computed again would find
/// their hashes taken and be shared by nobody.
void Blocks::forget_orphans(std::span<const BlockId> cached) {
  for (const BlockId id : cached) {
    const BlockId parent = blocks_[id].parent;
    if (parent == kNoBlock || blocks_[parent].kind == BlockKind::kCached) continue;
    unindex(id);
    free_if_unused(id);
  }
}

// Moving -----------------------------------------------------------------------------------------

void Blocks::begin_move(BlockId id, Moving how, Place other) {
  Block& block = blocks_[id];
  block.moving = how;
  block.other = other;
  ++moving_;
  if (other != kNoPlace) set_at(other, id);
  offer_or_hold(id);
}

void Blocks::swap_places(BlockId id) {
  Block& block = blocks_[id];
  leave_policy(id);
  const std::uint32_t from = tier_of(id);
  std::swap(block.place, block.other);
  if (block.kind != BlockKind::kCached || block.parent == kNoBlock) return;
  Block& parent = blocks_[block.parent];
  --parent.children_on[from];
  ++parent.children_on[tier_of(id)];
  offer_or_hold(block.parent);
}

void Blocks::end_move(BlockId id) {
  Block& block = blocks_[id];
  if (block.other != kNoPlace) {
    set_at(block.other, kNoBlock);
    places_.give(std::exchange(block.other, kNoPlace));
  }
  block.moving = Moving::kNo;
  block.job = nullptr;
  --moving_;
  offer_or_hold(id);
  free_if_unused(id);
}

}  // namespace terrace::kv
