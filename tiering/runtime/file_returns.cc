// SPDX-License-Identifier: Apache-2.0
#include "tiering/runtime/file_returns.h"

#include <sys/mman.h>

#include <algorithm>

#include "allocators/os/clock.h"
#include "allocators/os/files.h"
#include "allocators/os/mapping.h"
#include "allocators/os/mapping_facts.h"
#include "tiering/runtime/file_ranges.h"
#include "tiering/runtime/state.h"

namespace terrace::runtime {
namespace {

constexpr Nanoseconds kBetweenLooks = milliseconds(1000);
constexpr Nanoseconds kLongestWait = milliseconds(3600 * 1000);
constexpr std::uint32_t kFactor = 4;

/// May its blocks go? Parts that the program changed are its own, and what it locked shall stay.
bool may_return(const State& runtime, const extent::Object& object) {
  if (object.pages != extent::Pages::kPlaced || object.shared || object.protected_parts ||
      object.holes_lost || object.surrendered || runtime.recorder.recording() ||
      !file_is_unchanged(object)) {
    return false;
  }
  const auto memory = os::process_memory(0);
  return memory && memory->locked.value == 0 && runtime.extents.mappings().left() > 1024;
}

std::uint64_t end_of(const extent::Object& object, std::uint32_t block) {
  return std::min((static_cast<std::uint64_t>(block) + 1) << kBlockShift,
                  (object.size_bytes + 4095) & ~std::uint64_t{4095});
}

/// Is it a copy in private memory, whole?
bool goes(const State& runtime, const extent::Object& object, std::uint32_t block) {
  const std::uint8_t tier = runtime.arena.tiers_of(object)[block];
  const std::uint64_t begin = static_cast<std::uint64_t>(block) << kBlockShift;
  return tier != extent::kNoTier && !runtime.extents.is_shared(tier) &&
         !has_hole(object, begin, begin + kBlockBytes.value);
}

/// Blocks [first, last) become the kernel's view of the file.
bool give_back(State& runtime, extent::Object& object, std::uint32_t first, std::uint32_t last) {
  const std::uint64_t begin = static_cast<std::uint64_t>(first) << kBlockShift;
  if (show_file(runtime, object, begin, end_of(object, last - 1), PROT_READ) != 0) return false;
  std::uint8_t* const tiers = runtime.arena.tiers_of(object);
  for (std::uint32_t block = first; block < last; ++block) {
    runtime.capacity.give_back(tiers[block]);
    tiers[block] = extent::kNoTier;
    runtime.counters.file_blocks_returned.fetch_add(1, std::memory_order_relaxed);
  }
  return true;
}

/// A block comes back to its tier in one step: filled aside, moved over the view. Where that is not
/// possible it stays a view, which shows the same.
void take_back(State& runtime, extent::Object& object, std::uint32_t block, std::uint32_t tier) {
  NodeRoom rooms = room_of_nodes(runtime);
  const std::uint32_t taken = take_block(runtime, tier, rooms);
  if (taken >= kMaxTiers) return;
  const auto index = static_cast<std::uint8_t>(taken);
  void* const aside = os::reserve_address_space(kBlockBytes);
  const std::uint64_t begin = static_cast<std::uint64_t>(block) << kBlockShift;
  const Bytes size(std::min<std::uint64_t>(kBlockBytes.value, object.size_bytes - begin));
  bool done = aside != nullptr && !runtime.extents.is_shared(index) &&
              os::map_private(aside, kBlockBytes) == 0;
  if (done) {
    runtime.extents.bind_aside(aside, kBlockBytes, index);
    done =
        os::read_fully(object.content_fd, aside, size.value, object.content_offset + begin) == 0 &&
        file_is_unchanged(object) && os::protect_read_only(aside, kBlockBytes) == 0;
  }
  char* const at = runtime.arena.address_of(object.first_block + block);
  done = done && os::move_mapping(aside, kBlockBytes, at) == 0;
  if (!done) {
    if (aside != nullptr) os::unmap(aside, kBlockBytes);
    runtime.capacity.give_back(taken);
    return;
  }
  runtime.arena.tiers_of(object)[block] = index;
  runtime.counters.file_blocks_returned.fetch_sub(1, std::memory_order_relaxed);
}

}  // namespace

void FileReturns::add(State& runtime, const extent::Object& object) {
  const Nanoseconds age = milliseconds(runtime.flat.header->file_return_ms);
  if (age.value == 0 || count_ == kMostFiles || object.content_fd < 0 || object.shared) return;
  File& file = files_[count_];
  file = File{};
  file.object_id = object.id;
  file.wait = age;
  file.due = os::process_cpu_now() + age;
  ++count_;
  wake_background(runtime, os::monotonic_now() + kBetweenLooks);
}

extent::Object* FileReturns::find(State& runtime, const File& file) {
  for (std::uint32_t i = 0; i < runtime.arena.object_slots(); ++i) {
    extent::Object& object = runtime.arena.slot(i);
    if (object.pages != extent::Pages::kNone && object.id == file.object_id) return &object;
  }
  return nullptr;
}

Nanoseconds FileReturns::turn(State& runtime, Nanoseconds now, Nanoseconds next) {
  if (count_ == 0) return next;
  const Nanoseconds cpu_now = os::process_cpu_now();
  for (std::uint32_t i = 0; i < count_;) {
    extent::Object* const object = find(runtime, files_[i]);
    if (object == nullptr || files_[i].next_probes == 0) {
      forget(i);
      continue;
    }
    if (files_[i].due <= cpu_now) look(runtime, *object, files_[i], cpu_now);
    ++i;
  }
  const Nanoseconds due = now + kBetweenLooks;
  return due < next ? due : next;
}

/// Any page counts, since a kernel with large folios maps a whole block at one touch.
std::uint32_t FileReturns::take_back_touched(State& runtime, extent::Object& object, File& file) {
  std::uint32_t touched = 0;
  for (std::uint32_t i = 0; i < file.probe_count; ++i) {
    const Probe& probe = file.probes[i];
    const char* const at = runtime.arena.address_of(object.first_block + probe.block);
    if (runtime.arena.tiers_of(object)[probe.block] != extent::kNoTier) continue;
    std::uint32_t present = 0;
    const int error = presence_.count_present(at, 1, &present);
    if (error == 0 && present == 0) continue;
    ++touched;
    take_back(runtime, object, probe.block, probe.tier);
  }
  file.probe_count = 0;
  return touched;
}

/// Spread evenly over what is still a copy.
void FileReturns::give_back_some(State& runtime, extent::Object& object, File& file) {
  const std::uint8_t* const tiers = runtime.arena.tiers_of(object);
  for (std::uint32_t i = 0; i < file.next_probes; ++i) {
    const auto block = static_cast<std::uint32_t>((std::uint64_t{2} * i + 1) * object.block_count /
                                                  (std::uint64_t{2} * file.next_probes));
    const std::uint8_t tier = tiers[block];
    if (!goes(runtime, object, block)) continue;
    if (!give_back(runtime, object, block, block + 1)) return;
    file.probes[file.probe_count++] = {block, tier};
  }
}

void FileReturns::give_back_rest(State& runtime, extent::Object& object) {
  for (std::uint32_t first = 0; first < object.block_count;) {
    std::uint32_t last = first;
    while (last < object.block_count && goes(runtime, object, last)) ++last;
    if (last > first && !give_back(runtime, object, first, last)) return;
    first = last + 1;
  }
}

void FileReturns::look(State& runtime, extent::Object& object, File& file, Nanoseconds cpu_now) {
  if (!may_return(runtime, object)) {
    file.due = cpu_now + file.wait;
    return;
  }
  if (!presence_.is_open()) {
    auto opened = os::PagePresence::open();
    if (!opened) {
      file.next_probes = 0;  // nothing can be known: it stays a copy
      return;
    }
    presence_ = std::move(*opened);
  }
  const std::uint32_t asked = file.probe_count;
  const std::uint32_t touched = take_back_touched(runtime, object, file);
  if (touched * kFactor > asked) {
    file.next_probes = 2;
    file.wait = std::min(file.wait + file.wait, kLongestWait);
  } else if (asked != 0) {
    file.next_probes *= kFactor;
    file.wait = milliseconds(runtime.flat.header->file_return_ms);
  }
  if (file.next_probes > kMostProbes || file.next_probes * 2 > object.block_count) {
    give_back_rest(runtime, object);
    file.next_probes = 0;
    return;
  }
  if (touched == 0) give_back_some(runtime, object, file);
  file.due = cpu_now + file.wait;
}

}  // namespace terrace::runtime
