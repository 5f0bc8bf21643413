// SPDX-License-Identifier: Apache-2.0
// Which tier each block of an object goes to: the plan's map when it names the object, else the
// default policy; a full tier spills by the capacity's rule, and a stripe of too many runs is
// coarsened.
#include "allocators/extent/stripe.h"
#include "tiering/runtime/state.h"

namespace terrace::runtime {
namespace {

/// Wanted tiers by the default policy.
void wanted_by_policy(const State& runtime, std::uint8_t* wanted, std::uint64_t blocks) {
  const FlatHeader& header = *runtime.flat.header;
  double shares[kMaxTiers] = {};
  for (std::uint32_t tier = 0; tier < header.tier_count; ++tier) {
    switch (static_cast<DefaultPolicy>(header.default_policy)) {
      case DefaultPolicy::kFirstTouch:
      case DefaultPolicy::kPassThrough:
        shares[tier] = tier == 0 ? 1 : 0;
        break;
      case DefaultPolicy::kInterleave:
        shares[tier] = 1;
        break;
      case DefaultPolicy::kWeighted:
        shares[tier] = runtime.flat.tiers[tier].weight;
        break;
    }
  }
  extent::stripe_blocks(shares, header.tier_count, wanted, blocks);
}

std::uint64_t free_blocks(const State& runtime) {
  std::uint64_t blocks = 0;
  for (std::uint32_t tier = 0; tier < runtime.capacity.tier_count(); ++tier) {
    blocks += runtime.capacity.free_blocks(tier);
  }
  return blocks;
}

void note_peak(State& runtime) {
  for (std::uint32_t tier = 0; tier < runtime.capacity.tier_count(); ++tier) {
    const std::uint64_t used = runtime.capacity.used_blocks(tier);
    auto& peak = runtime.counters.peak_blocks[tier];
    if (used > peak.load(std::memory_order_relaxed)) peak.store(used, std::memory_order_relaxed);
  }
}

/// The nodes of all tiers are full: the blocks that have a tier give it back.
bool give_up_tiers(State& runtime, extent::Object& object, std::uint32_t taken) {
  std::uint8_t* const tiers = runtime.arena.tiers_of(object);
  for (std::uint32_t i = taken; i < object.block_count; ++i) tiers[i] = extent::kNoTier;
  give_back_tiers(runtime, object);
  if (!object.refused) runtime.counters.unplaced.fetch_add(1, std::memory_order_relaxed);
  object.refused = true;
  return false;
}

bool is_of_site(const FlatObject& planned, const ObjectKey& key) {
  return planned.site_hash == key.site_hash && planned.ordinal == key.ordinal &&
         planned.origin == static_cast<std::uint32_t>(key.origin);
}

/// The plan's map, drawn out or together over the object's blocks.
void wanted_by_plan(State& runtime, const FlatObject& planned, const extent::Object& object,
                    std::uint8_t* wanted) {
  const std::uint8_t* map = runtime.flat.block_map(planned);
  for (std::uint64_t i = 0; i < object.block_count; ++i) {
    wanted[i] = map[i * planned.block_count / object.block_count];
  }
  runtime.counters.planned.fetch_add(1, std::memory_order_relaxed);
  if (planned.size_bytes != object.key.size_bytes) {
    runtime.counters.planned_alike.fetch_add(1, std::memory_order_relaxed);
  }
}

}  // namespace

const FlatObject* find_planned(const State& runtime, const ObjectKey& key) {
  for (std::uint32_t i = 0; i < runtime.flat.header->object_count; ++i) {
    const FlatObject& planned = runtime.flat.objects[i];
    if (planned.size_bytes == key.size_bytes && is_of_site(planned, key)) return &planned;
  }
  return nullptr;
}

const FlatObject* find_planned_alike(const State& runtime, const ObjectKey& key) {
  if (key.origin == Origin::kFile) return find_planned(runtime, key);
  const FlatObject* nearest = nullptr;
  std::uint64_t least = key.size_bytes / 4;
  for (std::uint32_t i = 0; i < runtime.flat.header->object_count; ++i) {
    const FlatObject& planned = runtime.flat.objects[i];
    const std::uint64_t apart = planned.size_bytes > key.size_bytes
                                    ? planned.size_bytes - key.size_bytes
                                    : key.size_bytes - planned.size_bytes;
    if (apart >= least || !is_of_site(planned, key)) continue;
    nearest = &planned;
    least = apart;
    if (apart == 0) break;
  }
  return nearest;
}

bool assign_tiers(State& runtime, extent::Object& object) {
  // Any tier will do in the end, so this alone decides, and nothing need be given back.
  if (free_blocks(runtime) < object.block_count || !runtime.extents.room_for_mappings()) {
    if (!object.refused) runtime.counters.unplaced.fetch_add(1, std::memory_order_relaxed);
    object.refused = true;
    return false;
  }
  std::uint8_t* const tiers = runtime.arena.tiers_of(object);
  const FlatObject* planned = find_planned_alike(runtime, object.key);
  auto origin = extent::StripeOrigin::kPolicy;
  if (planned != nullptr) {
    wanted_by_plan(runtime, *planned, object, tiers);
    origin = extent::StripeOrigin::kPlan;
  } else {
    wanted_by_policy(runtime, tiers, object.block_count);
  }
  runtime.extents.follow_kernel_order(object, origin);
  NodeRoom rooms = room_of_nodes(runtime);
  for (std::uint32_t i = 0; i < object.block_count; ++i) {
    const std::uint32_t tier = take_block(runtime, tiers[i], rooms);
    if (tier >= kMaxTiers) return give_up_tiers(runtime, object, i);
    tiers[i] = static_cast<std::uint8_t>(tier);
  }
  note_peak(runtime);
  runtime.extents.fit_mappings(object);
  return true;
}

void give_back_tiers(State& runtime, extent::Object& object) {
  std::uint8_t* const tiers = runtime.arena.tiers_of(object);
  for (std::uint32_t i = 0; i < object.block_count; ++i) {
    if (tiers[i] != extent::kNoTier) runtime.capacity.give_back(tiers[i]);
    tiers[i] = extent::kNoTier;
  }
  runtime.extents.return_mappings(object);
}

TierCounts count_tiers(const State& runtime, const extent::Object& object) {
  TierCounts counts;
  const std::uint8_t* const tiers = runtime.arena.tiers_of(object);
  for (std::uint32_t i = 0; i < object.block_count; ++i) {
    if (tiers[i] != extent::kNoTier) ++counts.blocks[tiers[i]];
  }
  return counts;
}

void settle_capacity(State& runtime, const extent::Object& object, const TierCounts& before) {
  const TierCounts now = count_tiers(runtime, object);
  for (std::uint32_t tier = 0; tier < kMaxTiers; ++tier) {
    for (std::uint32_t i = now.blocks[tier]; i < before.blocks[tier]; ++i) {
      runtime.capacity.give_back(tier);
    }
  }
}

}  // namespace terrace::runtime
