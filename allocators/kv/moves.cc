// SPDX-License-Identifier: Apache-2.0
#include "allocators/kv/moves.h"

#include <algorithm>
#include <functional>
#include <mutex>
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
                 : nullptr) {}

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

std::shared_ptr<CopyJob> Moves::submit(std::vector<BlockId> blocks, Moving how,
                                       std::int32_t priority) {
  if (blocks.empty()) return nullptr;
  std::vector<BlockCopy> copies;
  for (const BlockId id : blocks) {
    std::byte* const place = places_.address(blocks_[id].place);
    std::byte* const other = places_.address(blocks_[id].other);
    copies.push_back(how == Moving::kArrival ? BlockCopy{other, place} : BlockCopy{place, other});
  }
  const Nanoseconds began = how == Moving::kArrival ? os::monotonic_now() : Nanoseconds();
  auto moved = blocks;
  auto job = queue_->submit(std::move(copies), priority,
                            [this, moved = std::move(moved), began] { ended(moved, began); });
  for (const BlockId id : blocks) blocks_.set_job(id, job);
  return job;
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
    std::vector<BlockId> batch;
    while (places_.free(tier) + leaving_[tier] < room_wanted(tier) && may_move()) {
      const BlockId id = blocks_.least(tier);
      if (id == kNoBlock) break;
      if (drops_instead(tier, id)) continue;
      const Place below = place_below(tier);
      if (below == kNoPlace) break;
      blocks_.begin_move(id, Moving::kDemotion, below);
      ++leaving_[tier];
      batch.push_back(id);
      if (batch.size() < kMostDemoted) continue;
      submit(std::exchange(batch, {}), Moving::kDemotion, kDemotionPriority);
    }
    submit(std::move(batch), Moving::kDemotion, kDemotionPriority);
  }
  if (waiting_ > 0) one_ended_.notify_all();
}

std::shared_ptr<CopyJob> Moves::arrive(std::span<const BlockId> blocks, std::int32_t priority) {
  std::vector<BlockId> arriving;
  for (const BlockId id : blocks) {
    if (blocks_[id].moving != Moving::kNo || blocks_.tier_of(id) == 0 || !may_move()) continue;
    const Place above = place_above(blocks_.tier_of(id));
    if (above == kNoPlace) continue;
    blocks_.begin_move(id, Moving::kArrival, above);
    blocks_.swap_places(id);
    arriving.push_back(id);
  }
  return submit(std::move(arriving), Moving::kArrival, priority);
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
  for (const BlockId id : blocks) {
    const Block& block = blocks_[id];
    const bool still = block.kind == BlockKind::kCached && block.moving == Moving::kNo;
    if (!still || blocks_.tier_of(id) == 0 || !may_move()) continue;
    const Place above = place_above(blocks_.tier_of(id));
    if (above == kNoPlace) break;
    blocks_.begin_move(id, Moving::kAhead, above);
    ahead.push_back(id);
  }
  submit(std::move(ahead), Moving::kAhead, priority);
}

void Moves::fill(std::span<const BlockId> blocks, std::vector<PrefixStore::Lease> from,
                 std::int32_t priority) {
  if (blocks.empty()) return;
  std::vector<BlockCopy> copies;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    blocks_.begin_move(blocks[i], Moving::kArrival, kNoPlace);
    copies.push_back({from[i].block().data.data(), places_.address(blocks_[blocks[i]].place)});
  }
  // Records stay as long as they are read. What a std::function holds must be copied with it.
  auto records = std::make_shared<std::vector<PrefixStore::Lease>>(std::move(from));
  std::vector<BlockId> moved(blocks.begin(), blocks.end());
  const auto job = queue_->submit(std::move(copies), priority,
                                  [this, moved = std::move(moved), records = std::move(records),
                                   began = os::monotonic_now()] { ended(moved, began); });
  for (const BlockId id : blocks) blocks_.set_job(id, job);
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
  if (wanted && block.leases > 0) {
    blocks_.set_moving(id, Moving::kReady);
    ready_.push_back(id);
    return;
  }
  if (wanted) blocks_.swap_places(id);
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
  std::vector<BlockId> later;
  bool flipped = false;
  for (const BlockId id : std::exchange(ready_, {})) {
    const Block& block = blocks_[id];
    // Who gave the last lease back has settled it already.
    if (block.moving != Moving::kReady) continue;
    if (block.copiers > 0) {
      later.push_back(id);
      continue;
    }
    if (block.kind == BlockKind::kCached) {
      blocks_.swap_places(id);
      ++promoted_;
      flipped = true;
    }
    blocks_.end_move(id);
  }
  ready_ = std::move(later);
  keep_room();
  one_ended_.notify_all();
  return flipped;
}

bool Moves::wait_for_one(std::unique_lock<CacheLock>& held) {
  if (queue_ == nullptr || blocks_.moving() == 0) return false;
  // Copies that wait for a step hold a place that is wanted now.
  bool freed = false;
  for (const BlockId id : std::exchange(ready_, {})) {
    if (blocks_[id].moving != Moving::kReady) continue;
    blocks_.end_move(id);
    freed = true;
  }
  if (!freed) one_ended_.wait(held);
  return true;
}

void Moves::drain() {
  if (queue_ != nullptr) queue_->drain();
}

}  // namespace terrace::kv
