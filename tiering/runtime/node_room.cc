// SPDX-License-Identifier: Apache-2.0
// How much more a strict tier's nodes can give. MPOL_BIND ends a program by the kernel's
// out-of-memory killer when its nodes run dry, whatever is free elsewhere; so before blocks are
// given to a strict tier its nodes are asked, and what they lack goes to other tiers. A snapshot:
// memory that others take afterwards cannot be foreseen. The lock is held; never allocates.
#include "allocators/os/console.h"
#include "allocators/os/page_presence.h"
#include "tiering/runtime/state.h"

namespace terrace::runtime {
namespace {

/// Left to the kernel on each tier's nodes: it reclaims below its watermarks, about a hundredth.
constexpr std::uint64_t kReserveBlocks = 8;

os::NodeMask nodes_of(const FlatTier& tier) {
  os::NodeMask nodes;
  for (std::uint32_t word = 0; word < os::kNodeMaskWords; ++word) {
    nodes.words[word] = tier.node_mask[word];
  }
  return nodes;
}

/// Adds to `rooms` what this object's tiers have promised and not yet handed out, as debt.
void subtract_untouched(State& runtime, const extent::Object& object, os::PagePresence& presence,
                        NodeRoom& rooms) {
  constexpr std::uint32_t kChunk = 256;
  const std::uint8_t* const tiers = runtime.arena.tiers_of(object);
  for (std::uint32_t first = 0; first < object.block_count; first += kChunk) {
    std::uint32_t touched[kChunk] = {};
    const std::uint32_t left = object.block_count - first;
    const std::uint32_t count = left < kChunk ? left : kChunk;
    const char* const at = runtime.arena.address_of(object.first_block + first);
    if (presence.count_present(at, count, touched) != 0) return;
    for (std::uint32_t i = 0; i < count; ++i) {
      const std::uint8_t tier = tiers[first + i];
      if (tier == extent::kNoTier || touched[i] != 0 || rooms.blocks[tier] == 0) continue;
      --rooms.blocks[tier];
    }
  }
}

}  // namespace

NodeRoom room_of_nodes(State& runtime) {
  NodeRoom rooms;
  for (std::uint64_t& blocks : rooms.blocks) blocks = ~std::uint64_t{0};
  const FlatHeader& header = *runtime.flat.header;
  if (static_cast<extent::BindMode>(header.bind_mode) != extent::BindMode::kStrict) return rooms;
  for (std::uint32_t tier = 0; tier < header.tier_count; ++tier) {
    const os::NodeMask nodes = nodes_of(runtime.flat.tiers[tier]);
    if (nodes.empty()) continue;
    const std::uint64_t blocks = os::free_memory_of(nodes).value >> kBlockShift;
    rooms.blocks[tier] = blocks > kReserveBlocks ? blocks - kReserveBlocks : 0;
  }
  auto presence = os::PagePresence::open();
  if (!presence) return rooms;
  for (std::uint32_t i = 0; i < runtime.arena.object_slots(); ++i) {
    const extent::Object& object = runtime.arena.slot(i);
    if (object.pages == extent::Pages::kPlaced) {
      subtract_untouched(runtime, object, *presence, rooms);
    }
  }
  return rooms;
}

std::uint32_t take_block(State& runtime, std::uint32_t wanted, NodeRoom& rooms) {
  extent::TierSet without;
  for (std::uint32_t tier = 0; tier < runtime.capacity.tier_count(); ++tier) {
    if (rooms.blocks[tier] == 0) without.add(tier);
  }
  if (without.has(wanted) && !runtime.said_node_full) {
    runtime.said_node_full = true;
    os::message(
        "tier %.31s is strict and its nodes have no memory left: blocks spill to other tiers "
        "(spilled_blocks in the status file counts them)",
        runtime.flat.tiers[wanted].name);
  }
  const std::uint32_t tier = runtime.capacity.take_block(wanted, without);
  if (tier < kMaxTiers) --rooms.blocks[tier];
  return tier;
}

}  // namespace terrace::runtime
