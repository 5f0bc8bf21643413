// SPDX-License-Identifier: Apache-2.0
// The part of TieredExtents that lays stripes with few mappings: in the kernel's own order by one
// interleaving policy where that gives the wanted shares, coarser where it does not and the budget
// of mappings is short.
#include <cerrno>

#include "allocators/extent/tiered_extent.h"
#include "allocators/os/mapping.h"

namespace terrace::extent {
namespace {

std::uint32_t weight_here(std::uint32_t node) {
  return os::interleave_weight("/sys", node);
}

bool is_as_asked(const os::RangePolicy& policy, os::Binding binding, const os::NodeMask& nodes) {
  using Kind = os::RangePolicy::Kind;
  const Kind asked =
      binding == os::Binding::kWeightedInterleave ? Kind::kWeightedInterleave : Kind::kInterleave;
  return policy.kind == asked && policy.nodes == nodes;
}

}  // namespace

std::uint64_t TieredExtents::order_index(std::uint32_t block) const {
  return reinterpret_cast<std::uintptr_t>(arena_->address_of(block)) >> kBlockShift;
}

void TieredExtents::follow_kernel_order(Object& object, StripeOrigin origin) {
  object.order = KernelOrder{};
  // Interleaving falls back to any node when one is full, so it is nothing for the strict mode.
  if (bind_ != BindMode::kAdvisory || order_refused_) return;
  std::uint8_t* const tiers = arena_->tiers_of(object);
  std::uint32_t tier_bits = 0;
  for (std::uint32_t i = 0; i < object.block_count; ++i) {
    if (tiers[i] == kNoTier || is_shared(tiers[i])) return;
    tier_bits |= 1u << tiers[i];
  }
  if ((tier_bits & (tier_bits - 1)) == 0) return;
  os::NodeMask nodes[kMaxTiers];
  for (std::uint32_t tier = 0; tier < tier_count_; ++tier) nodes[tier] = tiers_[tier].nodes;
  for (const WeightOf weight_of : {WeightOf{nullptr}, WeightOf{&weight_here}}) {
    const KernelOrder order = kernel_order(nodes, tier_bits, weight_of);
    if (!is_stripe_of(order, tiers, object.block_count, origin)) continue;
    const std::uint64_t index = order_index(object.first_block);
    for (std::uint32_t i = 0; i < object.block_count; ++i) tiers[i] = order.tier_of(index + i);
    object.order = order;
    return;
  }
}

/// Blocks from `begin` on that lie as the object's order has them; 0 when they are too few to be
/// worth a policy of their own.
std::uint32_t TieredExtents::kernel_stretch(const Object& object, std::uint32_t begin) const {
  if (object.order.period == 0) return 0;
  const std::uint8_t* tiers = arena_->tiers_of(object);
  const std::uint64_t index = order_index(object.first_block);
  std::uint32_t end = begin;
  while (end < object.block_count && tiers[end] == object.order.tier_of(index + end)) ++end;
  return end - begin >= 2u * object.order.period ? end - begin : 0;
}

void TieredExtents::fit_mappings(Object& object) {
  return_mappings(object);
  const auto pieces = [&] {
    std::uint32_t count = 0;
    for_each_piece(object, [&](std::uint32_t, std::uint32_t, std::uint8_t) { ++count; });
    return count;
  };
  std::uint32_t needed = pieces();
  if (needed > mappings_.for_one_object()) {
    object.order = KernelOrder{};
    coarsen(arena_->tiers_of(object), object.block_count, mappings_.for_one_object());
    counters_.coarsened_objects.fetch_add(1, std::memory_order_relaxed);
    needed = pieces();
  }
  if (mappings_.take(needed)) object.mappings = needed;
}

void TieredExtents::recount_mappings(Object& object) {
  return_mappings(object);
  std::uint32_t needed = 0;
  for_each_piece(object, [&](std::uint32_t, std::uint32_t, std::uint8_t) { ++needed; });
  if (mappings_.take(needed)) object.mappings = needed;
}

void TieredExtents::return_mappings(Object& object) {
  mappings_.give_back(object.mappings);
  object.mappings = 0;
}

int TieredExtents::map_stretch(Object& object, std::uint32_t first, std::uint32_t count) {
  const int error = os::map_private(arena_->address_of(first), size_of(count));
  if (error != 0 || bind_stretch(object, first, count)) return error;
  std::uint8_t* const tiers = arena_->tiers_of(object) + (first - object.first_block);
  coarsen(tiers, count, mappings_.for_one_object());
  if (const std::uint32_t runs = count_runs(tiers, count); mappings_.take(runs)) {
    object.mappings += runs;
  }
  bind_by_range(object, first, count);
  return 0;
}

bool TieredExtents::takes_order(const KernelOrder& order, std::uint32_t first,
                                std::uint32_t count) {
  os::NodeMask nodes;
  for (std::uint32_t turn = 0; turn < order.period; ++turn) {
    nodes.add_all(tiers_[order.tier[turn]].nodes);
  }
  void* const at = arena_->address_of(first);
  const int error = os::bind_range(at, size_of(count), nodes, order.binding, os::Existing::kLeave);
  // A cpuset that lacks some of the nodes narrows the policy, which then gives other shares.
  return error == 0 && is_as_asked(os::policy_at(at), order.binding, nodes);
}

bool TieredExtents::bind_stretch(const Object& object, std::uint32_t first, std::uint32_t count) {
  if (takes_order(object.order, first, count)) {
    counters_.kernel_striped_blocks.fetch_add(count, std::memory_order_relaxed);
    return true;
  }
  counters_.stripes_refused.fetch_add(1, std::memory_order_relaxed);
  order_refused_ = true;
  return false;
}

void TieredExtents::bind_by_range(const Object& object, std::uint32_t first, std::uint32_t count) {
  const std::uint8_t* const tiers = arena_->tiers_of(object) + (first - object.first_block);
  for (std::uint32_t begin = 0; begin < count;) {
    std::uint32_t end = begin + 1;
    while (end < count && tiers[end] == tiers[begin]) ++end;
    bind_run(first + begin, end - begin, tiers[begin], os::Existing::kLeave);
    begin = end;
  }
}

void TieredExtents::bind_stretches(const Object& object) {
  for_each_piece(object, [&](std::uint32_t first, std::uint32_t count, std::uint8_t tier) {
    // A policy that was narrowed has replaced those of the runs: they are set again.
    if (tier == kByKernel && !bind_stretch(object, first, count)) {
      bind_by_range(object, first, count);
    }
  });
}

}  // namespace terrace::extent
