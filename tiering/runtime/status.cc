// SPDX-License-Identifier: Apache-2.0
// What the runtime did, at the program's end: JSON for tools, a few lines for people.
#include "allocators/base/plural_end.h"
#include "allocators/os/console.h"
#include "allocators/os/files.h"
#include "tiering/runtime/state.h"
#include "tiering/runtime/status_parts.h"

namespace terrace::runtime {
namespace {

using control::JsonText;
using ull = unsigned long long;

/// Written once, with the lock held.
constinit char file_text[64 << 10] = {};

}  // namespace

void write_status(State& runtime) {
  const FlatHeader& header = *runtime.flat.header;
  const Counters& counters = runtime.counters;
  if (header.status_path[0] != '\0') {
    JsonText json(file_text, sizeof file_text);
    json.put("{\"schema_version\":1,");
    put_counters(runtime, json);
    json.put(",\"tiers\":[");
    put_tiers(runtime, json);
    json.put("],\"messages\":[");
    put_messages(json);
    json.put("]}\n");
    char path[320];
    expand_path(header.status_path, Existing::kReplace, path, sizeof path);
    if (const int error = os::write_file(path, json.data(), json.size()); error != 0) {
      os::message("status file %s: errno %d", path, error);
    }
  }
  if (header.object_count != 0 && counters.planned.load() == 0) {
    os::message(
        "none of the plan's %u object%s was allocated: the plan is of another program, "
        "model or version; record and plan again",
        header.object_count, plural_end(header.object_count));
  }
  if (!runtime.flat.has(kFlagVerbose)) return;
  os::message(
      "%llu object%s, %llu named by the plan, %llu placed late, %llu unplaced, "
      "%llu block%s spilled",
      static_cast<ull>(counters.objects.load()), plural_end(counters.objects.load()),
      static_cast<ull>(counters.planned.load()), static_cast<ull>(counters.placed_late.load()),
      static_cast<ull>(counters.unplaced.load()),
      static_cast<ull>(runtime.capacity.spilled_blocks()),
      plural_end(runtime.capacity.spilled_blocks()));
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
