// SPDX-License-Identifier: Apache-2.0
#include "tiering/capi/memory.h"

#include <utility>

namespace terrace::capi {
namespace {

Status start_links(Memory& memory) {
  backing::LinkConfig links[backing::kMaxLinks];
  std::uint32_t count = 0;
  for (const Tier& tier : memory.topology.tiers) {
    if (!tier.emulated()) continue;
    if (count == backing::kMaxLinks) {
      return make_error(ErrorCode::kUsage, 0, "tier %s: at most %u emulated tiers",
                        tier.name.c_str(), backing::kMaxLinks);
    }
    const Nanoseconds latency =
        tier.idle_latency.known() ? tier.idle_latency.value : Nanoseconds(0);
    links[count++] = {tier.read_bandwidth.value, latency};
  }
  if (count == 0) return ok_status();
  return memory.links.start(memory.arena.base(), memory.arena.block_count(), links, count,
                            backing::Exactness::kPace);
}

Status add_pool(Memory& memory, std::uint32_t index, Bytes& room) {
  const Tier& tier = memory.topology.tiers[index];
  backing::BlockPool& pool = memory.pools[index];
  const Status opened = pool.open(tier.path.c_str(), tier.capacity.value, tier.mapping_unit);
  if (!opened) return opened;
  const Bytes there(backing::BlockPool::offset_of(pool.block_count()));
  if (there < room) room = there;
  memory.extents.pools().add_pool(index, pool);
  return ok_status();
}

Status add_tiers(Memory& memory) {
  memory.extents.configure(memory.arena, memory.links, extent::BindMode::kAdvisory,
                           extent::Observation::kNone);
  memory.extents.pools().configure(memory.arena, memory.capacity);
  std::uint32_t link = 0;
  for (std::uint32_t i = 0; i < memory.tier_count(); ++i) {
    const Tier& tier = memory.topology.tiers[i];
    extent::TierPages pages;
    pages.backing = tier.backing;
    if (tier.emulated()) pages.link = link++;
    for (const NodeId node : tier.nodes) {
      const auto number = static_cast<std::uint32_t>(raw(node));
      if (number < os::kMaxNodes) pages.nodes.add(number);
    }
    memory.extents.add_tier(pages);
    memory.nodes.push_back(pages.nodes);
    Bytes room = tier.capacity.value;
    if (tier.backing == BackingKind::kDax) {
      if (const Status added = add_pool(memory, i, room); !added) return added;
    }
    memory.capacity.add_tier(room);
  }
  return ok_status();
}

}  // namespace

std::uint32_t Memory::tier_of_node(std::uint32_t node) const {
  for (std::uint32_t i = 0; i < tier_count(); ++i) {
    const bool plain = topology.tiers[i].backing == BackingKind::kNuma;
    if (plain && node < os::kMaxNodes && nodes[i].has(node)) return i;
  }
  return extent::kMaxTiers;
}

Result<std::unique_ptr<Memory>> Memory::open(Topology topology) {
  auto memory = std::make_unique<Memory>();
  memory->topology = std::move(topology);
  Status done = memory->arena.open();
  if (done) done = add_tiers(*memory);
  if (done) done = start_links(*memory);
  if (!done) {
    close(std::move(memory));
    return done.error();
  }
  if (const auto remap = extent::CopyRemap::open(); remap) {
    memory->exchange = extent::Exchange(*remap);
  } else {
    memory->no_exchange = remap.error();
  }
  return memory;
}

void Memory::close(std::unique_ptr<Memory> memory) {
  for (backing::BlockPool& pool : memory->pools) {
    if (pool.is_open()) pool.close();
  }
  if (memory->links.running()) {
    (void)memory.release();
    return;
  }
  memory->arena.close();
}

}  // namespace terrace::capi
