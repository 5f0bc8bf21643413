// SPDX-License-Identifier: Apache-2.0
#include "allocators/kv/moves.h"

#include <algorithm>
#include <array>
#include <functional>
#include <mutex>
#include <new>
#include <ranges>
#include <utility>

#include "allocators/os/clock.h"

namespace terrace::kv {
namespace {

// A part of a tier that is kept free, so that new blocks find room there without a copy.
constexpr std::uint32_t kFreePart = 8;
constexpr std::uint32_t kMostFree = 64;
// Blocks of one job: what an append may have to wait for when everything else is promised.
constexpr std::size_t kMostDemoted = 16;
constexpr std::int32_t kDemotionPriority = -1000000;

/// False: there is no memory for so many.
bool reserve(std::vector<BlockId>& ids, std::size_t most) {
  try {
    ids.reserve(most);
    return true;
  } catch (const std::bad_alloc&) {
    return false;
  }
}

}  // namespace

Moves::Moves(const CacheOptions& options, Places& places, Blocks& blocks, Admission& admission,
             CacheLock& lock)
    : places_(places),
      blocks_(blocks),
      admission_(admission),
      lock_(lock),
      leaving_(places.tiers()),
      queue_(places.tiers() > 1 || options.store != nullptr
                 ? std::make_unique<CopyQueue>(options.shape)
                 : nullptr) {
  if (places.tiers() == 1) return;
  expected_.reserve(places.slots(0) / 2);
  ready_.reserve(blocks.count());
}

Moves::~Moves() {
  {
    const std::unique_lock held(lock_);
    stopping_ = true;
  }
  queue_.reset();
}

std::uint32_t Moves::room_wanted(std::uint32_t tier) const {
  return std::clamp(places_.slots(tier) / kFreePart, 1u, kMostFree);
}

bool Moves::has_room_to_move() const {
  const std::uint64_t kept = blocks_.leased() + admission_.promised() + 2 * blocks_.moving() + 2;
  return !stopping_ && kept <= places_.usable();
}

Place Moves::place_below(std::uint32_t tier) {
  for (std::uint32_t below = tier + 1; below < places_.tiers(); ++below) {
    const Place place = places_.take(below);
    if (place != kNoPlace) return place;
  }
  if (!blocks_.drop_least(tier + 1)) return kNoPlace;
  return place_below(tier);
}

Place Moves::place_above(std::uint32_t tier) {
  for (std::uint32_t above = 0; above < tier; ++above) {
    if (places_.free(above) <= room_wanted(above) / 2) continue;
    const Place place = places_.take(above);
    if (place != kNoPlace) return place;
  }
  return kNoPlace;
}

/// From where they are to their other places; what arrives has changed them already.
std::vector<BlockCopy> Moves::copies_of(std::span<const BlockId> blocks, Moving how) const {
  std::vector<BlockCopy> copies;
  copies.reserve(blocks.size());
  for (const BlockId id : blocks) {
    std::byte* const place = places_.address(blocks_[id].place);
    std::byte* const other = places_.address(blocks_[id].other);
    copies.push_back(how == Moving::kArrival ? BlockCopy{other, place} : BlockCopy{place, other});
  }
  return copies;
}

/// One job, with whose end the blocks' moves end; `from` stays as long as it is read. Throws
/// std::bad_alloc, and nothing is queued.
void Moves::queue_up(std::span<const BlockId> blocks, std::vector<BlockCopy> copies,
                     std::vector<PrefixStore::Lease> from, Nanoseconds began,
                     std::int32_t priority) {
  // What a std::function holds must be copied with it.
  std::shared_ptr<std::vector<PrefixStore::Lease>> records;
  if (!from.empty()) {
    records = std::make_shared<std::vector<PrefixStore::Lease>>(std::move(from));
  }
  std::vector<BlockId> moved(blocks.begin(), blocks.end());
  const auto job = queue_->submit(std::move(copies), priority,
                                  [this, moved = std::move(moved), records = std::move(records),
                                   began] { ended(moved, began); });
  for (const BlockId id : blocks) blocks_.set_job(id, job);
}

/// Moves that have begun. False: there was no memory, and none of them has.
bool Moves::submit(std::span<const BlockId> blocks, Moving how, std::int32_t priority) {
  if (blocks.empty()) return true;
  const Nanoseconds began = how == Moving::kArrival ? os::monotonic_now() : Nanoseconds();
  try {
    queue_up(blocks, copies_of(blocks, how), {}, began, priority);
    return true;
  } catch (const std::bad_alloc&) {
    for (const BlockId id : blocks | std::views::reverse) take_back(id);
    return false;
  }
}

/// A move that began and for which there is no job.
void Moves::take_back(BlockId id) {
  const Moving how = blocks_[id].moving;
  if (how == Moving::kDemotion) --leaving_[blocks_.tier_of(id)];
  if (how == Moving::kArrival) blocks_.swap_places(id);
  blocks_.end_move(id);
}

/// The slower tiers are full of what is worth more than this block, which is dropped then.
bool Moves::drops_instead(std::uint32_t tier, BlockId id) {
  if (blocks_[id].children > 0) return false;
  for (std::uint32_t below = tier + 1; below < places_.tiers(); ++below) {
    if (places_.free(below) > 0 || blocks_.wanted_on(below, id)) return false;
  }
  blocks_.drop(id);
  return true;
}

void Moves::keep_room() {
  for (std::uint32_t tier = 0; tier + 1 < places_.tiers(); ++tier) {
    while (demote_batch(tier)) {
    }
  }
  if (waiting_ > 0) one_ended_.notify_all();
}

/// As many blocks as one job may have. True: more may have to go.
bool Moves::demote_batch(std::uint32_t tier) {
  std::array<BlockId, kMostDemoted> batch;
  std::size_t begun = 0;
  while (begun < batch.size() && places_.free(tier) + leaving_[tier] < room_wanted(tier) &&
         may_move()) {
    const BlockId id = blocks_.least(tier);
    if (id == kNoBlock) break;
    if (drops_instead(tier, id)) continue;
    const Place below = place_below(tier);
    if (below == kNoPlace) break;
    blocks_.begin_move(id, Moving::kDemotion, below);
    ++leaving_[tier];
    batch[begun++] = id;
  }
  const bool made = submit(std::span(batch).first(begun), Moving::kDemotion, kDemotionPriority);
  return made && begun == batch.size();
}

void Moves::arrive(std::span<const BlockId> blocks, std::int32_t priority) {
  if (blocks.empty() || places_.tiers() == 1) return;
  std::vector<BlockId> arriving;
  if (!reserve(arriving, blocks.size())) return;
  for (const BlockId id : blocks) {
    if (blocks_[id].moving != Moving::kNo || blocks_.tier_of(id) == 0 || !may_move()) continue;
    const Place above = place_above(blocks_.tier_of(id));
    if (above == kNoPlace) continue;
    blocks_.begin_move(id, Moving::kArrival, above);
    blocks_.swap_places(id);
    arriving.push_back(id);
  }
  submit(arriving, Moving::kArrival, priority);
}

void Moves::expect(std::span<const BlockId> blocks, std::int32_t priority) {
  forget_unexpected();
  // Who asks twice takes no room from others.
  std::vector<bool> known(blocks_.count());
  for (const Expected& one : expected_) known[one.id] = true;
  for (const BlockId id : blocks) {
    if (expected_.size() >= places_.slots(0) / 2) break;
    if (!known[id]) expected_.push_back({id, blocks_[id].hash, priority});
  }
  arrive_expected();
  keep_room();
}

bool Moves::still_expected(const Expected& one) const {
  const Block& block = blocks_[one.id];
  return block.kind == BlockKind::kCached && block.hash == one.hash && block.leases == 0 &&
         block.moving == Moving::kNo && blocks_.tier_of(one.id) > 0;
}

void Moves::forget_unexpected() {
  std::erase_if(expected_, [&](const Expected& one) { return !still_expected(one); });
}

void Moves::arrive_expected() {
  forget_unexpected();
  std::ranges::stable_sort(expected_, std::ranges::greater(), &Expected::priority);
  for (std::size_t first = 0; first < expected_.size();) {
    const std::int32_t priority = expected_[first].priority;
    std::vector<BlockId> blocks;
    if (!reserve(blocks, expected_.size() - first)) break;
    for (; first < expected_.size() && expected_[first].priority == priority; ++first) {
      blocks.push_back(expected_[first].id);
    }
    arrive(blocks, priority);
  }
  // What comes now is not expected any more: should the policy have it go again, it goes.
  forget_unexpected();
}

void Moves::copy_ahead(std::span<const BlockId> blocks, std::int32_t priority) {
  std::vector<BlockId> ahead;
  if (blocks.empty() || !reserve(ahead, blocks.size())) return;
  for (const BlockId id : blocks) {
    const Block& block = blocks_[id];
    const bool still = block.kind == BlockKind::kCached && block.moving == Moving::kNo;
    if (!still || blocks_.tier_of(id) == 0 || !may_move()) continue;
    const Place above = place_above(blocks_.tier_of(id));
    if (above == kNoPlace) break;
    blocks_.begin_move(id, Moving::kAhead, above);
    ahead.push_back(id);
  }
  submit(ahead, Moving::kAhead, priority);
}

void Moves::fill(std::span<const BlockId> blocks, std::vector<PrefixStore::Lease> from,
                 std::int32_t priority) {
  if (blocks.empty()) return;
  std::vector<BlockCopy> copies;
  copies.reserve(blocks.size());
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    copies.push_back({from[i].block().data.data(), places_.address(blocks_[blocks[i]].place)});
  }
  queue_up(blocks, std::move(copies), std::move(from), os::monotonic_now(), priority);
  // It may be copying already: its end waits for the lock.
  for (const BlockId id : blocks) blocks_.begin_move(id, Moving::kArrival, kNoPlace);
}

bool Moves::hold(BlockId id) {
  if (blocks_[id].moving != Moving::kNo || !has_room_to_move()) return false;
  blocks_.begin_move(id, Moving::kHeld, kNoPlace);
  return true;
}

void Moves::let_go(std::span<const BlockId> blocks) {
  for (const BlockId id : blocks) blocks_.end_move(id);
  keep_room();
  one_ended_.notify_all();
}

void Moves::wait_for_room(std::unique_lock<CacheLock>& held) {
  ++waiting_;
  one_ended_.wait(held);
  --waiting_;
}

// Ends, on the queue's thread ---------------------------------------------------------------------

void Moves::ended(std::span<const BlockId> blocks, Nanoseconds began) {
  {
    const std::unique_lock held(lock_);
    for (const BlockId id : blocks) end_one(id);
    if (began.value != 0) prefetched_ = prefetched_ + (os::monotonic_now() - began);
    arrive_expected();
    keep_room();
  }
  one_ended_.notify_all();
}

void Moves::end_one(BlockId id) {
  const Block& block = blocks_[id];
  if (block.moving == Moving::kDemotion) return end_demotion(id);
  if (block.moving == Moving::kArrival) {
    if (block.other != kNoPlace) ++promoted_;
    return blocks_.end_move(id);
  }
  const bool wanted = block.kind == BlockKind::kCached && !stopping_;
  if (wanted && block.leases == 0) blocks_.swap_places(id);
  if (wanted && block.leases > 0 && ready_.size() < ready_.capacity()) {
    blocks_.set_moving(id, Moving::kReady);
    ready_.push_back(id);
    return;
  }
  blocks_.end_move(id);
}

/// Who has begun to use the block meanwhile reads it where it was.
void Moves::end_demotion(BlockId id) {
  const Block& block = blocks_[id];
  --leaving_[blocks_.tier_of(id)];
  if (block.leases == 0 && block.kind == BlockKind::kCached && !stopping_) {
    blocks_.swap_places(id);
    ++demoted_;
  }
  blocks_.end_move(id);
}

// Steps ------------------------------------------------------------------------------------------

bool Moves::flip() {
  bool flipped = false;
  std::erase_if(ready_, [&](BlockId id) {
    const Block& block = blocks_[id];
    // Who gave the last lease back has settled it already.
    if (block.moving != Moving::kReady) return true;
    if (block.copiers > 0) return false;
    if (block.kind == BlockKind::kCached) {
      blocks_.swap_places(id);
      ++promoted_;
      flipped = true;
    }
    blocks_.end_move(id);
    return true;
  });
  keep_room();
  one_ended_.notify_all();
  return flipped;
}

bool Moves::wait_for_one(std::unique_lock<CacheLock>& held) {
  if (queue_ == nullptr || blocks_.moving() == 0) return false;
  // Copies that wait for a step hold a place that is wanted now.
  bool freed = false;
  for (const BlockId id : ready_) {
    if (blocks_[id].moving != Moving::kReady) continue;
    blocks_.end_move(id);
    freed = true;
  }
  ready_.clear();
  if (!freed) one_ended_.wait(held);
  return true;
}

void Moves::drain() {
  if (queue_ != nullptr) queue_->drain();
}

}  // namespace terrace::kv
