// SPDX-License-Identifier: Apache-2.0
// Where everything is: tiers with what they have left, tensors with what the account and the kernel
// say.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "allocators/base/block_bytes.h"
#include "allocators/os/files.h"
#include "allocators/os/page_presence.h"
#include "allocators/topology/memory_limit.h"
#include "tiering/capi/context.h"

namespace terrace::capi {
namespace {

/// Free pages of one node's reserves of huge pages, of every size.
Bytes huge_free_of(NodeId node) {
  struct Sum {
    char folder[96];
    std::uint64_t bytes;
  } sum{{}, 0};
  std::snprintf(sum.folder, sizeof sum.folder, "/sys/devices/system/node/node%d/hugepages",
                raw(node));
  os::for_each_name(
      sum.folder,
      [](const char* name, void* context) {
        constexpr const char kHead[] = "hugepages-";
        Sum& total = *static_cast<Sum*>(context);
        if (std::strncmp(name, kHead, sizeof kHead - 1) != 0) return;
        char path[256];
        char text[32];
        std::snprintf(path, sizeof path, "%s/%.60s/free_hugepages", total.folder, name);
        if (os::read_small_file(path, text, sizeof text) <= 0) return;
        const std::uint64_t page_kb = std::strtoull(name + sizeof kHead - 1, nullptr, 10);
        total.bytes += KiB(page_kb).value * std::strtoull(text, nullptr, 10);
      },
      &sum);
  return Bytes(sum.bytes);
}

/// What the control group allows besides what is used; nothing: no limit.
std::optional<Bytes> left_in_group() {
  const auto limit = tightest_memory_limit("/proc", "/sys/fs/cgroup");
  if (!limit) return std::nullopt;
  return left_for_objects(*limit).bytes;
}

Bytes without(Bytes from, Bytes part) {
  return from < part ? Bytes() : from - part;
}

}  // namespace

/// Blocks of this tier (kMaxTiers: of any on nodes) that tensors have and never touched: the kernel
/// counts their memory as free. Under memory_lock_.
std::uint64_t Context::untouched_blocks(std::uint32_t tier) {
  constexpr std::uint32_t kChunk = 256;
  auto presence = os::PagePresence::open();
  if (!presence) return 0;
  std::uint64_t untouched = 0;
  const extent::Arena& arena = memory_->arena;
  for (std::uint32_t slot = 0; slot < arena.object_slots(); ++slot) {
    const extent::Object& object = arena.slot(slot);
    if (object.pages != extent::Pages::kPlaced) continue;
    const std::uint8_t* const tiers = arena.tiers_of(object);
    for (std::uint32_t first = 0; first < object.block_count; first += kChunk) {
      std::uint32_t touched[kChunk] = {};
      const std::uint32_t count = std::min(kChunk, object.block_count - first);
      const char* const at = arena.address_of(object.first_block + first);
      if (presence->count_present(at, count, touched) != 0) break;
      for (std::uint32_t i = 0; i < count; ++i) {
        const std::uint8_t on = tiers[first + i];
        const bool counts = on == tier || (tier == extent::kMaxTiers && !memory_->is_shared(on));
        if (counts && touched[i] == 0) ++untouched;
      }
    }
  }
  return untouched;
}

terrace_tier_info Context::tier_info(std::uint32_t index) {
  const Tier& tier = memory_->topology.tiers[index];
  terrace_tier_info info{};
  info.kind = static_cast<terrace_tier_kind>(tier.kind);
  std::snprintf(info.name, sizeof info.name, "%.63s", tier.name.c_str());
  info.emulated = tier.emulated() ? 1 : 0;
  info.node_count = static_cast<std::uint32_t>(tier.nodes.size());
  if (tier.read_bandwidth.known()) info.read_gbps = tier.read_bandwidth.value.value;
  if (tier.idle_latency.known()) info.latency_ns = tier.idle_latency.value.value;
  for (const NodeId node : tier.nodes) info.huge_free_bytes += huge_free_of(node).value;
  const std::lock_guard lock(memory_lock_);
  const std::uint64_t used = memory_->capacity.used_blocks(index);
  Bytes free = bytes_of_blocks(memory_->capacity.free_blocks(index));
  info.used_bytes = bytes_of_blocks(used).value;
  info.capacity_bytes = (bytes_of_blocks(used) + free).value;
  // Devices and files have no more than their pool, which others may hold parts of.
  if (tier.backing == BackingKind::kNuma) {
    const Bytes on_nodes = without(os::free_memory_of(memory_->nodes[index]),
                                   bytes_of_blocks(untouched_blocks(index)));
    free = std::min(free, on_nodes);
    if (const auto left = left_in_group()) {
      free = std::min(free, without(*left, bytes_of_blocks(untouched_blocks(extent::kMaxTiers))));
    }
  } else if (tier.emulated()) {
    free = std::min(free, os::free_memory_of(memory_->nodes[index]));
    if (const auto left = left_in_group()) free = std::min(free, *left);
  }
  info.free_bytes = free.value;
  return info;
}

/// By the kernel's account of its pages. Under memory_lock_.
void Context::adopted_places(const Tensor& tensor, std::uint32_t samples, std::uint32_t* tiers,
                             std::uint32_t& absent) const {
  std::uint32_t by_node[os::kMaxNodes] = {};
  const long gone = os::sample_nodes(tensor.address, tensor.bytes, by_node, os::kMaxNodes, samples);
  absent += gone > 0 ? static_cast<std::uint32_t>(gone) : 0;
  for (std::uint32_t node = 0; node < os::kMaxNodes; ++node) {
    const std::uint32_t tier = memory_->tier_of_node(node);
    (tier < TERRACE_MAX_TIERS ? tiers[tier] : absent) += by_node[node];
  }
}

terrace_tensor_info Context::tensor_info(const Tensor& tensor) {
  terrace_tensor_info info{};
  info.kind = tensor.kind;
  std::snprintf(info.name, sizeof info.name, "%s", tensor.name.c_str());
  info.layer = tensor.layer;
  info.adopted = tensor.adopted ? 1 : 0;
  info.read_bytes = tensor.read_bytes.load(std::memory_order_relaxed);
  info.written_bytes = tensor.written_bytes.load(std::memory_order_relaxed);
  info.moved_bytes = tensor.moved_bytes.load(std::memory_order_relaxed);
  info.next_use_step = tensor.next_step.load(std::memory_order_relaxed);
  info.next_use_phase = tensor.next_phase.load(std::memory_order_relaxed);
  {
    const std::lock_guard lock(control_);
    info.pins = tensor.pins;
    info.moving = tensor.moving ? 1 : 0;
  }
  const std::lock_guard lock(memory_lock_);
  info.address = tensor.address;
  info.bytes = tensor.bytes.value;
  if (tensor.adopted) {
    constexpr std::uint32_t kSamples = 1024;
    std::uint32_t tiers[TERRACE_MAX_TIERS] = {};
    std::uint32_t absent = 0;
    adopted_places(tensor, kSamples, tiers, absent);
    std::uint64_t all = absent;
    for (const std::uint32_t found : tiers) all += found;
    for (std::uint32_t i = 0; i < TERRACE_MAX_TIERS && all != 0; ++i) {
      info.tier_bytes[i] = tensor.bytes.value * tiers[i] / all;
    }
    info.other_bytes = tensor.bytes.value;
    for (const std::uint64_t bytes : info.tier_bytes) info.other_bytes -= bytes;
    return info;
  }
  std::uint64_t placed = 0;
  for (std::uint32_t i = 0; i < TERRACE_MAX_TIERS; ++i) {
    const std::uint32_t blocks = tensor.tier_blocks[i].load(std::memory_order_relaxed);
    info.tier_bytes[i] = bytes_of_blocks(blocks).value;
    placed += blocks;
  }
  const std::uint32_t blocks = tensor.object != nullptr ? tensor.object->block_count : 0;
  info.other_bytes = bytes_of_blocks(blocks - std::min<std::uint64_t>(placed, blocks)).value;
  return info;
}

terrace_status Context::look(const TensorRef& tensor, std::uint32_t samples, std::uint32_t* tiers,
                             std::uint32_t& absent) {
  constexpr std::uint32_t kDefaultSamples = 4096;
  if (samples == 0) samples = kDefaultSamples;
  const terrace_status begun = begin_use(*tensor);
  if (begun != TERRACE_OK) return begun;
  std::fill_n(tiers, TERRACE_MAX_TIERS, 0u);
  absent = 0;
  {
    const std::lock_guard lock(memory_lock_);
    if (tensor->adopted) {
      adopted_places(*tensor, samples, tiers, absent);
    } else {
      look_at_blocks(*tensor, samples, tiers, absent);
    }
  }
  end_use(*tensor);
  return TERRACE_OK;
}

void Context::look_at_blocks(const Tensor& tensor, std::uint32_t samples, std::uint32_t* tiers,
                             std::uint32_t& absent) const {
  const extent::Object& object = *tensor.object;
  const std::uint8_t* const map = memory_->arena.tiers_of(object);
  const std::uint32_t step = std::max(1u, (object.block_count + samples - 1) / samples);
  for (std::uint32_t i = 0; i < object.block_count; i += step) {
    if (memory_->is_shared(map[i])) {
      ++tiers[map[i]];
      continue;
    }
    std::uint32_t by_node[os::kMaxNodes] = {};
    os::sample_nodes(memory_->arena.address_of(object.first_block + i), kBlockBytes, by_node,
                     os::kMaxNodes, 1);
    std::uint32_t tier = extent::kMaxTiers;
    for (std::uint32_t node = 0; node < os::kMaxNodes; ++node) {
      if (by_node[node] != 0) tier = memory_->tier_of_node(node);
    }
    ++(tier < TERRACE_MAX_TIERS ? tiers[tier] : absent);
  }
}

terrace_status Context::tensor_at(const void* address, std::uint64_t& handle) {
  const auto* const at = static_cast<const char*>(address);
  const std::lock_guard lock(memory_lock_);
  std::uint64_t found = 0;
  if (const extent::Object* object = memory_->arena.find(address)) found = object->id;
  auto after = adopted_.upper_bound(at);
  if (found == 0 && after != adopted_.begin()) {
    const Tensor& before = *(--after)->second;
    if (at < before.address + before.bytes.value) found = before.handle;
  }
  if (found == 0) return fail(TERRACE_BAD_ARGUMENT, "no tensor's memory holds %p", address);
  handle = found;
  return TERRACE_OK;
}

}  // namespace terrace::capi
