// SPDX-License-Identifier: Apache-2.0
// What the runtime did, at the program's end: JSON for tools, a few lines for people.
#include <cstdarg>
#include <cstdio>

#include "allocators/os/console.h"
#include "allocators/os/files.h"
#include "tiering/runtime/state.h"

namespace terrace::runtime {
namespace {

/// Text built in place; cut at its capacity.
class Text {
 public:
  void put(const char* format, ...) __attribute__((format(printf, 2, 3))) {
    va_list arguments;
    va_start(arguments, format);
    const int length = std::vsnprintf(data_ + used_, sizeof data_ - used_, format, arguments);
    va_end(arguments);
    if (length > 0) used_ += static_cast<std::size_t>(length);
    if (used_ >= sizeof data_) used_ = sizeof data_ - 1;
  }
  /// As a JSON string: a path may hold any byte.
  void put_quoted(const char* text) {
    put("\"");
    for (; *text != '\0'; ++text) {
      const auto letter = static_cast<unsigned char>(*text);
      if (letter < ' ' || letter == 0x7f) {
        put("\\u%04x", letter);
      } else {
        put(letter == '"' || letter == '\\' ? "\\%c" : "%c", letter);
      }
    }
    put("\"");
  }
  const char* data() const { return data_; }
  std::size_t size() const { return used_; }

 private:
  char data_[16384] = {};
  std::size_t used_ = 0;
};

using ull = unsigned long long;

std::uint64_t in_bytes(std::uint64_t blocks) {
  return blocks << kBlockShift;
}

const char* backing_word(BackingKind backing) {
  switch (backing) {
    case BackingKind::kNuma:
      return "numa";
    case BackingKind::kEmulatedLink:
      return "emulated";
    case BackingKind::kDax:
      return "dax";
  }
  return "unknown";
}

/// What the pool holds is more than what is in use when children of a fork still see blocks.
void put_pool(State& runtime, std::uint32_t tier, Text& json) {
  json.put(",\"path\":");
  json.put_quoted(runtime.flat.tiers[tier].path);
  json.put(",\"opened\":%s,\"pool_bytes\":%llu,\"held_bytes\":%llu",
           runtime.pools[tier].is_open() ? "true" : "false",
           static_cast<ull>(in_bytes(runtime.pools[tier].block_count())),
           static_cast<ull>(in_bytes(runtime.extents.pools().held(tier))));
}

void put_tiers(State& runtime, Text& json) {
  std::uint32_t link = 0;
  for (std::uint32_t i = 0; i < runtime.flat.header->tier_count; ++i) {
    const FlatTier& tier = runtime.flat.tiers[i];
    const auto backing = static_cast<BackingKind>(tier.backing);
    const bool emulated = backing == BackingKind::kEmulatedLink;
    json.put(
        "%s{\"name\":\"%.31s\",\"backing\":\"%s\",\"emulated\":%s,\"capacity_bytes\":%llu,"
        "\"peak_bytes\":%llu,\"used_bytes\":%llu,\"elsewhere_bytes\":%llu",
        i == 0 ? "" : ",", tier.name, backing_word(backing), emulated ? "true" : "false",
        static_cast<ull>(tier.capacity_bytes),
        static_cast<ull>(in_bytes(runtime.counters.peak_blocks[i].load())),
        static_cast<ull>(in_bytes(runtime.capacity.used_blocks(i))),
        static_cast<ull>(in_bytes(runtime.counters.elsewhere_blocks[i].load())));
    if (backing == BackingKind::kDax) put_pool(runtime, i, json);
    if (emulated) {
      const backing::LinkStatistics statistics = runtime.links.statistics(link++);
      json.put(
          ",\"delivered_bytes\":%llu,\"demand_waits\":%llu,\"wait_ns\":%llu,"
          "\"ahead_blocks\":%llu",
          static_cast<ull>(statistics.delivered_bytes), static_cast<ull>(statistics.demand_waits),
          static_cast<ull>(statistics.wait_ns), static_cast<ull>(statistics.ahead_blocks));
    }
    json.put("}");
  }
}

}  // namespace

void write_status(State& runtime) {
  const FlatHeader& header = *runtime.flat.header;
  const Counters& counters = runtime.counters;
  const extent::ExtentCounters& extents = runtime.extents.counters();
  const os::MemoryErrorCounters& errors = os::memory_error_counters();
  if (header.status_path[0] != '\0') {
    Text json;
    json.put(
        "{\"schema_version\":1,\"pid\":%d,\"emulated\":%s,\"objects\":%llu,\"planned\":%llu,"
        "\"placed_late\":%llu,\"unplaced\":%llu,\"frozen_by_fork\":%llu,"
        "\"made_private_blocks\":%llu,\"spilled_blocks\":%llu,\"bind_refused\":%llu,"
        "\"small_page_objects\":%llu,\"kernel_striped_blocks\":%llu,\"stripes_refused\":%llu,"
        "\"coarsened_objects\":%llu,\"mappings\":%u,\"fault_cost_ns\":%llu,"
        "\"files_copied\":%llu,\"files_left\":%llu,\"file_bytes_cached\":%llu,"
        "\"file_bytes_direct\":%llu,\"file_bytes_buffered\":%llu,"
        "\"memory_errors\":%llu,\"memory_errors_not_mended\":%llu,\"reread_bytes\":%llu,"
        "\"tiers\":[",
        os::process_id(), runtime.link_count != 0 ? "true" : "false",
        static_cast<ull>(counters.objects.load()), static_cast<ull>(counters.planned.load()),
        static_cast<ull>(counters.placed_late.load()), static_cast<ull>(counters.unplaced.load()),
        static_cast<ull>(counters.frozen_by_fork.load()),
        static_cast<ull>(counters.made_private.load()),
        static_cast<ull>(runtime.capacity.spilled_blocks()),
        static_cast<ull>(extents.bind_refused.load()),
        static_cast<ull>(extents.small_page_objects.load()),
        static_cast<ull>(extents.kernel_striped_blocks.load()),
        static_cast<ull>(extents.stripes_refused.load()),
        static_cast<ull>(extents.coarsened_objects.load()), runtime.extents.mappings().used(),
        static_cast<ull>(runtime.links.fault_cost().value),
        static_cast<ull>(counters.files_copied.load()),
        static_cast<ull>(counters.files_left.load()),
        static_cast<ull>(counters.file_bytes_cached.load()),
        static_cast<ull>(counters.file_bytes_direct.load()),
        static_cast<ull>(counters.file_bytes_buffered.load()),
        static_cast<ull>(errors.errors.load()), static_cast<ull>(errors.not_mended.load()),
        static_cast<ull>(errors.reread_bytes.load()));
    put_tiers(runtime, json);
    json.put("]}\n");
    char path[320];
    expand_path(header.status_path, Existing::kReplace, path, sizeof path);
    if (const int error = os::write_file(path, json.data(), json.size()); error != 0) {
      os::message("status file %s: errno %d", path, error);
    }
  }
  if (header.object_count != 0 && counters.planned.load() == 0) {
    os::message(
        "none of the plan's %u objects was allocated: the plan is of another program, "
        "model or version; record and plan again",
        header.object_count);
  }
  if (!runtime.flat.has(kFlagVerbose)) return;
  os::message(
      "%llu objects, %llu named by the plan, %llu placed late, %llu unplaced, "
      "%llu blocks spilled",
      static_cast<ull>(counters.objects.load()), static_cast<ull>(counters.planned.load()),
      static_cast<ull>(counters.placed_late.load()), static_cast<ull>(counters.unplaced.load()),
      static_cast<ull>(runtime.capacity.spilled_blocks()));
  for (std::uint32_t i = 0; i < header.tier_count; ++i) {
    os::message("tier %.31s: at most %llu of %llu MiB used", runtime.flat.tiers[i].name,
                static_cast<ull>(in_bytes(counters.peak_blocks[i].load()) >> 20),
                static_cast<ull>(runtime.flat.tiers[i].capacity_bytes >> 20));
    const std::uint64_t elsewhere = in_bytes(counters.elsewhere_blocks[i].load());
    if (elsewhere == 0) continue;
    os::message("tier %.31s: the kernel had %llu MiB of what was put there on other nodes",
                runtime.flat.tiers[i].name, static_cast<ull>(elsewhere >> 20));
  }
}

}  // namespace terrace::runtime
