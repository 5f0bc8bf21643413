// SPDX-License-Identifier: Apache-2.0
// Where the pages of placed blocks really are, as the kernel tells it at an object's end and at the
// program's: what was asked for is not what counts. Queries one page of each block, about 0.5 us.
#include "allocators/os/numa_memory.h"
#include "tiering/runtime/state.h"

namespace terrace::runtime {
namespace {

bool has_node(const FlatTier& tier, std::uint32_t node) {
  return (tier.node_mask[node / 64] >> (node % 64) & 1) != 0;
}

void count_run(State& runtime, std::uint32_t first, std::uint32_t count, std::uint8_t tier) {
  std::uint32_t by_node[kMaxNodes] = {};
  const Bytes size(static_cast<std::uint64_t>(count) << kBlockShift);
  if (os::sample_nodes(runtime.arena.address_of(first), size, by_node, kMaxNodes, count) < 0) {
    return;
  }
  std::uint64_t elsewhere = 0;
  for (std::uint32_t node = 0; node < kMaxNodes; ++node) {
    if (!has_node(runtime.flat.tiers[tier], node)) elsewhere += by_node[node];
  }
  runtime.counters.elsewhere_blocks[tier].fetch_add(elsewhere, std::memory_order_relaxed);
}

}  // namespace

void read_places(State& runtime, const extent::Object& object) {
  if (object.pages != extent::Pages::kPlaced) return;
  runtime.extents.for_each_run(
      object, [&](std::uint32_t first, std::uint32_t count, std::uint8_t tier) {
        if (tier == extent::kNoTier) return;
        const auto backing = static_cast<BackingKind>(runtime.flat.tiers[tier].backing);
        if (backing != BackingKind::kDax) count_run(runtime, first, count, tier);
      });
}

void read_all_places(State& runtime) {
  for (std::uint32_t i = 0; i < runtime.arena.object_slots(); ++i) {
    read_places(runtime, runtime.arena.slot(i));
  }
}

}  // namespace terrace::runtime
