// SPDX-License-Identifier: Apache-2.0
// terrace calibrate: measures the tiers and keeps the figures where the other verbs find them.
#include "profiler/calibrate/calibrate.h"

#include <cstdio>

#include <fmt/format.h>

#include "tiering/cli/json_document.h"
#include "tiering/cli/load_topology.h"
#include "tiering/cli/messages.h"
#include "tiering/cli/text_table.h"
#include "tiering/cli/verbs/verbs.h"

namespace terrace::cli {
namespace {

using calibrate::CalibrationProgress;
using calibrate::CalibrationRun;

void show_step(const CalibrationProgress& at) {
  show_progress(fmt::format("calibrating {}: {} of {}, {} {:.1f} {}", at.tier, at.step, at.steps,
                            calibrate::name_of(at.quantity), at.value,
                            calibrate::unit_of(at.quantity)));
}

std::string shown(const Spread& spread, const char* unit) {
  if (spread.repeats == 0) return "not measured";
  return fmt::format("{:.2f} {} ({:.2f} to {:.2f})", spread.median, unit, spread.low, spread.high);
}

nlohmann::ordered_json spread_to_json(const Spread& spread, Provenance from) {
  nlohmann::ordered_json json;
  const bool known = spread.repeats > 0;
  json["value"] = known ? nlohmann::ordered_json(spread.median) : nlohmann::ordered_json(nullptr);
  if (known) {
    json["low"] = spread.low;
    json["high"] = spread.high;
    json["repeats"] = spread.repeats;
  }
  json["provenance"] = name_of(known ? from : Provenance::kUnknown);
  return json;
}

nlohmann::ordered_json measurement_to_json(const TierMeasurement& tier) {
  nlohmann::ordered_json json;
  json["name"] = tier.tier;
  json["read_bandwidth_gbps"] = spread_to_json(tier.read_bandwidth_gbps, tier.from);
  json["read_bandwidth_one_thread_gbps"] = spread_to_json(tier.read_bandwidth_one_gbps, tier.from);
  json["idle_latency_ns"] = spread_to_json(tier.idle_latency_ns, tier.from);
  json["loaded_latency_ns"] = spread_to_json(tier.loaded_latency_ns, tier.from);
  return json;
}

void print_document(const CalibrationRun& run, const Topology& topology, const std::string& path) {
  auto json = json_document("calibration", topology.machine_id, topology.emulated());
  json["cpu_model"] = run.calibration.cpu_model;
  json["threads"] = run.calibration.threads;
  json["seed"] = run.seed;
  json["file"] = path;
  json["tiers"] = nlohmann::ordered_json::array();
  for (const TierMeasurement& tier : run.calibration.tiers)
    json["tiers"].push_back(measurement_to_json(tier));
  json["notes"] = run.notes;
  print_json(json);
}

void print_text(const CalibrationRun& run) {
  TextTable table({{"tier"},
                   {"provenance"},
                   {"read, all threads"},
                   {"read, one thread"},
                   {"latency, idle"},
                   {"latency, loaded"}});
  for (const TierMeasurement& tier : run.calibration.tiers) {
    table.add({tier.tier, name_of(tier.from), shown(tier.read_bandwidth_gbps, "GB/s"),
               shown(tier.read_bandwidth_one_gbps, "GB/s"), shown(tier.idle_latency_ns, "ns"),
               shown(tier.loaded_latency_ns, "ns")});
  }
  std::string text = table.text();
  for (const std::string& note : run.notes) text += fmt::format("- {}\n", note);
  std::fputs(text.c_str(), stdout);
}

}  // namespace

int calibrate_verb(const Call& call) {
  const Result<Topology> topology = load_topology_to_calibrate(call.settings);
  if (!topology.ok()) return failed(topology.error());
  const std::string path = calibration_path(call.settings, topology->machine_id);
  calibrate::CalibrationOptions options;
  if (call.settings.flag("quick")) options.effort = calibrate::Effort::kQuick;
  const Result<CalibrationRun> run = calibrate::calibrate_cached(
      *topology, options, path, calibrate::Reuse::kNever, calibrate::memory_probes(), show_step);
  show_progress("");
  if (!run.ok()) return failed(run.error());
  if (call.settings.flag("json")) {
    print_document(*run, *topology, path);
  } else {
    print_text(*run);
  }
  say_hint(fmt::format("figures in {}; next: terrace record -o a.session -- PROGRAM", path));
  return 0;
}

}  // namespace terrace::cli
