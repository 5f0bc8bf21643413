// SPDX-License-Identifier: Apache-2.0
#include "tiering/cli/prepare_flat.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <optional>
#include <string_view>

#include "profiler/session/source_name.h"
#include "tiering/cli/load_topology.h"
#include "tiering/cli/os/memory_events.h"
#include "tiering/cli/session_name.h"
#include "tiering/plan/plan_json.h"

namespace terrace::cli {
namespace {

/// The program may change its folder before it writes.
std::string absolute(const std::string& path) {
  return path.empty() ? path : std::filesystem::absolute(path).string();
}

runtime::DefaultPolicy policy_of(std::string_view name) {
  if (name == "interleave") return runtime::DefaultPolicy::kInterleave;
  if (name == "weighted") return runtime::DefaultPolicy::kWeighted;
  if (name == "none") return runtime::DefaultPolicy::kPassThrough;
  return runtime::DefaultPolicy::kFirstTouch;
}

runtime::BindMode bind_of(std::string_view name) {
  if (name == "off") return runtime::BindMode::kOff;
  if (name == "strict") return runtime::BindMode::kStrict;
  return runtime::BindMode::kAdvisory;
}

runtime::Materialize materialize_of(std::string_view name) {
  if (name == "never") return runtime::Materialize::kNever;
  if (name == "always") return runtime::Materialize::kAlways;
  return runtime::Materialize::kAuto;
}

/// 0: the first that works.
std::uint32_t source_of(std::string_view name) {
  using session::SourceKind;
  for (const SourceKind kind :
       {SourceKind::kPresentBits, SourceKind::kReferencedBits, SourceKind::kMemorySamples,
        SourceKind::kDamon, SourceKind::kWriteTracking}) {
    if (name == session::name_of(kind)) return static_cast<std::uint32_t>(kind);
  }
  return 0;
}

}  // namespace

plan::RuntimeOptions runtime_options(const Settings& settings) {
  plan::RuntimeOptions options;
  options.threshold = settings.size("threshold");
  options.mmap_threshold = settings.size("mmap-threshold");
  options.file_threshold = settings.size("file-threshold");
  options.late_size = settings.size("late-size");
  options.late_age_ms = static_cast<std::uint32_t>(settings.duration("late-age").value / 1000000);
  options.policy = policy_of(settings.text("policy"));
  options.bind = bind_of(settings.text("bind"));
  options.window_hz = settings.integer("window-hz");
  options.source = source_of(settings.text("source"));
  options.budget_ppm = static_cast<std::uint32_t>(std::lround(settings.fraction("budget") * 1e6));
  options.strict = settings.flag("strict");
  options.verbose = settings.flag("verbose");
  options.live_status = settings.flag("live-status");
  options.materialize = materialize_of(settings.text("materialize"));
  options.file_return_ms =
      static_cast<std::uint32_t>(settings.duration("file-return-age").value / 1000000);
  options.status_path = absolute(settings.text("status"));
  return options;
}

Bytes huge_page_need(const Topology& topology, const plan::RuntimeOptions& options) {
  // Referenced bits are told of private memory only.
  const bool files = options.record && options.source != static_cast<std::uint32_t>(
                                                             session::SourceKind::kReferencedBits);
  Bytes need;
  for (const Tier& tier : topology.tiers) {
    if (tier.backing == BackingKind::kDax) continue;
    if (files || tier.emulated()) need += tier.capacity.value;
  }
  return need;
}

Result<PreparedFlat> prepare_flat(const FlatRequest& request) {
  const Result<Topology> topology = load_usable_topology(request.settings);
  if (!topology.ok()) return topology.error();
  std::optional<plan::Plan> chosen;
  if (!request.plan_path.empty()) {
    const Result<plan::Plan> read = plan::read_plan(request.plan_path);
    if (!read.ok()) return read.error();
    chosen = *read;
  }
  plan::RuntimeOptions options = runtime_options(request.settings);
  options.record = !request.session_path.empty();
  options.split = request.split;
  options.session_path = absolute_pattern(request.session_path);
  if (request.settings.given("duration")) {
    const std::uint64_t ms = request.settings.duration("duration").value / 1000000;
    options.record_ms = static_cast<std::uint32_t>(std::clamp<std::uint64_t>(ms, 1, UINT32_MAX));
  }
  if (options.record) {
    options.sample_events = os::find_memory_events(os::kEventSources).events;
  }
  const Status written =
      plan::write_flat(request.flat_path, *topology, chosen ? &*chosen : nullptr, options);
  if (!written.ok()) return written.error();
  return PreparedFlat{huge_page_need(*topology, options), topology->emulated()};
}

}  // namespace terrace::cli
