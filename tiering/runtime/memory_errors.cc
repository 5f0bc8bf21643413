// SPDX-License-Identifier: Apache-2.0
// Memory errors under materialised files: what the handler of allocators/os/memory_error needs to
// know about an object. Watching and forgetting hold the runtime's lock; origin_of() runs in a
// signal handler without it and reads only what stays while the object lives. Never allocates.
#include "allocators/os/console.h"
#include "allocators/os/files.h"
#include "tiering/runtime/state.h"

namespace terrace::runtime {
namespace {

/// Nodes of the next slower tier of plain memory, else of the next faster one; none when the failed
/// tier is the only one: then the kernel chooses among what it has not retired.
os::NodeMask nodes_of_another_tier(const State& runtime, std::uint32_t failed) {
  const std::uint32_t count = runtime.flat.header->tier_count;
  os::NodeMask nodes;
  const auto take = [&](std::uint32_t tier) {
    const FlatTier& one = runtime.flat.tiers[tier];
    if (tier == failed || static_cast<BackingKind>(one.backing) != BackingKind::kNuma) return false;
    for (std::uint32_t word = 0; word < os::kNodeMaskWords; ++word) {
      nodes.words[word] = one.node_mask[word];
    }
    return !nodes.empty();
  };
  for (std::uint32_t tier = failed + 1; tier < count; ++tier) {
    if (take(tier)) return nodes;
  }
  for (std::uint32_t tier = failed < count ? failed : count; tier-- > 0;) {
    if (take(tier)) return nodes;
  }
  return nodes;
}

os::PageOrigin origin_of(void*, const void* at) {
  State& runtime = state();
  os::PageOrigin origin;
  const extent::Object* object = runtime.arena.find(at);
  if (object == nullptr) return origin;
  const std::uint8_t tier =
      runtime.arena.tiers_of(*object)[runtime.arena.block_of(at) - object->first_block];
  if (tier == extent::kNoTier) return origin;
  const bool shared = runtime.extents.is_shared(tier);
  if (shared) origin.unit = kBlockBytes;
  origin.memory_file = shared && object->pages != extent::Pages::kFrozen;
  if (static_cast<extent::BindMode>(runtime.flat.header->bind_mode) != extent::BindMode::kOff) {
    origin.healthy = nodes_of_another_tier(runtime, tier);
  }
  return origin;
}

}  // namespace

void watch_content(extent::Object& object, State& runtime) {
  if (object.content_fd < 0) return;
  os::WatchedMemory memory;
  memory.at = runtime.arena.address_of(object.first_block);
  memory.size = Bytes(static_cast<std::uint64_t>(object.block_count) << kBlockShift);
  memory.on_loss = os::OnLoss::kReread;
  memory.origin = &origin_of;
  memory.file = object.content_fd;
  memory.file_offset = object.content_offset;
  memory.stamp = object.stamp;
  const auto watched = os::watch_memory(memory);
  if (!watched) {
    if (!runtime.said_unwatched) os::message("%s", watched.error().message);
    runtime.said_unwatched = true;
    return;
  }
  object.watched = true;
  object.watch = *watched;
}

void unwatch_content(extent::Object& object) {
  if (object.watched) os::unwatch_memory(object.watch);
  object.watched = false;
}

void forget_content(extent::Object& object) {
  unwatch_content(object);
  if (object.content_fd >= 0) os::close_descriptor(object.content_fd);
  object.content_fd = -1;
}

}  // namespace terrace::runtime
