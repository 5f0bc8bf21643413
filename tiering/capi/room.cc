// SPDX-License-Identifier: Apache-2.0
// Room for a job on a full tier, at the cost of what is used last: the rule of Belady over the
// moments that the caller told (terrace_next_use), which no recency can better on a cyclic scan.
#include <algorithm>

#include "tiering/capi/context.h"
#include "tiering/capi/moves.h"

namespace terrace::capi {
namespace {

constexpr std::uint64_t kNever = ~std::uint64_t{0};

}  // namespace

/// When the tensor is used next, as told. A moment that is over tells nothing.
Moment Context::next_use_of(const Tensor& tensor) const {
  const std::uint64_t step = tensor.next_step.load(std::memory_order_relaxed);
  const Moment next{step, tensor.next_phase.load(std::memory_order_relaxed)};
  const Moment now{step_.load(std::memory_order_relaxed), phase_.load(std::memory_order_relaxed)};
  if (step == kUnknownUse || next < now) return {kNever, 0};
  return next;
}

/// Used later than the job's tensor, the last of all; of equals the one least read for its size.
/// Null: none. A tensor that is fetched without a word of its use is needed now. Under control_.
TensorRef Context::victim_for(const Job& job) {
  Moment own = next_use_of(*job.tensor);
  if (own.step == kNever) own = {step_.load(), phase_.load()};
  TensorRef last;
  const auto later = [&](const Tensor& one, const Tensor& other) {
    const Moment one_next = next_use_of(one);
    const Moment other_next = next_use_of(other);
    if (one_next != other_next) return one_next > other_next;
    const auto heat = [](const Tensor& tensor) {
      const std::uint64_t bytes = tensor.read_bytes.load() + tensor.written_bytes.load();
      std::uint64_t blocks = 1;
      for (const auto& on_tier : tensor.tier_blocks) blocks += on_tier.load();
      return static_cast<double>(bytes) / static_cast<double>(blocks);
    };
    return heat(one) < heat(other);
  };
  for (const TensorRef& tensor : tensors_.all()) {
    const bool free = !tensor->moving && tensor->users == 0 && tensor->wanted == 0 &&
                      !tensor->ended && tensor->pins == 0 && !tensor->adopted;
    if (!free || tensor == job.tensor || tensor->tier_blocks[job.to].load() == 0) continue;
    if (next_use_of(*tensor) <= own) continue;
    if (last == nullptr || later(*tensor, *last)) last = tensor;
  }
  return last;
}

/// Blocks of [first, stop) that need room on the job's tier and find none.
std::uint32_t Context::lacking_room(const Job& job, std::uint32_t first, std::uint32_t stop) {
  const std::lock_guard lock(memory_lock_);
  const extent::Object& object = *job.tensor->object;
  const std::uint8_t* const tiers = memory_->arena.tiers_of(object);
  std::uint64_t needed = 0;
  for (std::uint32_t i = first; i < std::min(stop, object.block_count); ++i) {
    if (tiers[i] != job.to) ++needed;
  }
  const std::uint64_t free = memory_->capacity.free_blocks(job.to);
  return static_cast<std::uint32_t>(needed > free ? needed - free : 0);
}

/// As far as there are victims and slower tiers with room; what then lacks shows in the piece.
void Context::make_room(Job& job, std::uint32_t first, std::uint32_t stop) {
  for (std::uint32_t lacking = lacking_room(job, first, stop); lacking != 0;) {
    TensorRef victim;
    {
      const std::lock_guard lock(control_);
      victim = victim_for(job);
      if (victim != nullptr) victim->moving = true;
    }
    if (victim == nullptr) return;
    const Bytes evicted = evict(*victim, job.to, lacking);
    {
      const std::lock_guard lock(control_);
      victim->moving = false;
      job.evicted += evicted;
      changed_.notify_all();
    }
    if (evicted.value == 0) return;
    lacking = lacking_room(job, first, stop);
  }
}

/// Up to `blocks` of the victim's last blocks on the tier, to the next slower one with room.
Bytes Context::evict(Tensor& victim, std::uint32_t tier, std::uint32_t blocks) {
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
  std::uint32_t to = tier + 1;
  {
    const std::lock_guard lock(memory_lock_);
    while (to < tier_count() && memory_->capacity.free_blocks(to) == 0) ++to;
    if (to >= tier_count()) return Bytes();
    const extent::Object& object = *victim.object;
    const std::uint8_t* const tiers = memory_->arena.tiers_of(object);
    end = object.block_count;
    while (end > 0 && tiers[end - 1] != tier) --end;
    begin = end;
    while (begin > 0 && tiers[begin - 1] == tier && end - begin < blocks) --begin;
  }
  Piece piece(*memory_, memory_lock_, *mover_, victim, begin, end, to);
  const terrace_status moved = piece.run();
  (void)moved;  // what lacks is the job's to say
  const Bytes evicted = piece.result().moved();
  victim.moved_bytes.fetch_add(evicted.value, std::memory_order_relaxed);
  evicted_.fetch_add(evicted.value, std::memory_order_relaxed);
  add_traffic(piece.result(), to);
  if (evicted.value != 0) {
    post({sizeof(terrace_event),
          TERRACE_EVENT_EVICTION,
          {victim.handle},
          tier,
          to,
          evicted.value,
          0,
          nullptr});
  }
  return evicted;
}

}  // namespace terrace::capi
