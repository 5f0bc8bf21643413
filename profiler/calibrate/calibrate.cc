// SPDX-License-Identifier: Apache-2.0
#include "profiler/calibrate/calibrate.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <string_view>

#include "allocators/base/quantile.h"
#include "allocators/os/clock.h"

namespace terrace::calibrate {
namespace {

struct Schedule {
  int rounds;
  Nanoseconds budget;  ///< for all tiers
  Nanoseconds longest_window;
};

Schedule schedule_of(Effort effort) {
  if (effort == Effort::kQuick) return {3, milliseconds(1500), milliseconds(50)};
  return {7, milliseconds(8000), milliseconds(150)};
}

Spread spread_of(const std::vector<double>& values) {
  return {quantile(values, 0.5), quantile(values, 0), quantile(values, 1),
          static_cast<int>(values.size())};
}

Spread& field_of(TierMeasurement& tier, Quantity quantity) {
  switch (quantity) {
    case Quantity::kReadBandwidthOne:
      return tier.read_bandwidth_one_gbps;
    case Quantity::kReadBandwidth:
      return tier.read_bandwidth_gbps;
    case Quantity::kIdleLatency:
      return tier.idle_latency_ns;
    case Quantity::kLoadedLatency:
      break;
  }
  return tier.loaded_latency_ns;
}

/// A configured figure: stated once, without spread.
Spread stated(double value, Provenance from) {
  if (from == Provenance::kUnknown) return {};
  return {value, value, value, 1};
}

TierMeasurement configured(const Tier& tier) {
  TierMeasurement entry;
  entry.tier = tier.name;
  entry.nodes = tier.nodes;
  entry.from = Provenance::kUserFile;
  entry.read_bandwidth_gbps = stated(tier.read_bandwidth.value.value, tier.read_bandwidth.from);
  entry.idle_latency_ns =
      stated(static_cast<double>(tier.idle_latency.value.value), tier.idle_latency.from);
  return entry;
}

/// Why a tier's memory cannot be measured here; nullptr when it can.
const char* unmeasurable(const Tier& tier) {
  if (tier.emulated()) return "emulated; its figures are the tier file's, not measured";
  if (tier.backing == BackingKind::kDax && tier.capacity.value.value == 0)
    return "its capacity is not known, so it is not measured; state it in the tier file";
  if (tier.capacity.known() && tier.capacity.value.value == 0)
    return "this process may use none of it, so it is not measured";
  return nullptr;
}

class Run {
 public:
  Run(const Topology& topology, const CalibrationOptions& options, const ProbeFactory& probes,
      const ProgressFunction& progress)
      : topology_(topology),
        options_(options),
        probes_(probes),
        progress_(progress),
        schedule_(schedule_of(options.effort)) {
    for (const Tier& tier : topology.tiers) measured_ += unmeasurable(tier) ? 0 : 1;
    steps_ = measured_ * schedule_.rounds * static_cast<int>(std::size(kQuantities));
  }

  Result<CalibrationRun> run() {
    result_.seed = options_.seed;
    result_.calibration.machine_id = topology_.machine_id;
    result_.calibration.cpu_model = topology_.cpu_model;
    result_.calibration.threads = threads();
    for (const Tier& tier : topology_.tiers) {
      const char* const why = unmeasurable(tier);
      if (why != nullptr) result_.notes.push_back("tier " + tier.name + ": " + why);
      if (why != nullptr && !tier.emulated()) continue;
      auto entry = tier.emulated() ? Result<TierMeasurement>(configured(tier)) : measure(tier);
      if (!entry && tier.backing == BackingKind::kDax) {
        // Devices are root's, as a rule: the other tiers' figures are worth having.
        result_.notes.push_back(entry.error().message);
        continue;
      }
      if (!entry) return entry.error();
      result_.calibration.tiers.push_back(std::move(*entry));
    }
    result_.calibration.measured_at_unix_s =
        static_cast<std::int64_t>(os::realtime_now().value / 1'000'000'000);
    return std::move(result_);
  }

 private:
  int threads() const {
    return options_.threads > 0 ? options_.threads : std::max(1, topology_.hardware_threads);
  }

  ProbeRequest request_for(const Tier& tier) const {
    ProbeRequest request;
    // With one tier there is nothing to bind against, and a sandbox may forbid mbind.
    if (measured_ > 1) request.nodes = tier.nodes;
    request.path = tier.path;
    request.mapping_unit = tier.mapping_unit;
    request.capacity = tier.capacity.value;
    request.threads = threads();
    request.seed = options_.seed;
    const auto measurements = static_cast<std::uint64_t>(std::max(1, steps_));
    request.window =
        std::min(Nanoseconds(schedule_.budget.value / measurements), schedule_.longest_window);
    return request;
  }

  Result<TierMeasurement> measure(const Tier& tier) {
    const auto probe = probes_(request_for(tier));
    if (!probe) return failed(tier, "", probe.error());
    if (tier.backing == BackingKind::kDax && tier.kind == TierKind::kFile)
      result_.notes.push_back("tier " + tier.name +
                              ": a file; what the page cache holds of it is as fast as memory");
    if (!probe->note.empty()) result_.notes.push_back("tier " + tier.name + ": " + probe->note);
    std::vector<double> values[std::size(kQuantities)];
    for (int round = 0; round < schedule_.rounds; ++round)
      for (std::size_t i = 0; i < std::size(kQuantities); ++i) {
        const auto value = probe->measure(kQuantities[i]);
        if (!value) return failed(tier, name_of(kQuantities[i]), value.error());
        if (!std::isfinite(*value) || *value <= 0)
          return failed(tier, name_of(kQuantities[i]),
                        make_error(ErrorCode::kCheckFailed, 0,
                                   "the clock gave no positive figure; run it again"));
        values[i].push_back(*value);
        report(tier, kQuantities[i], *value);
      }
    TierMeasurement entry;
    entry.tier = tier.name;
    entry.nodes = tier.nodes;
    for (std::size_t i = 0; i < std::size(kQuantities); ++i)
      field_of(entry, kQuantities[i]) = spread_of(values[i]);
    return entry;
  }

  static Error failed(const Tier& tier, const char* quantity, const Error& cause) {
    return make_error(cause.code, cause.saved_errno, "calibrating tier %s%s%s: %s",
                      tier.name.c_str(), *quantity != '\0' ? ", " : "", quantity, cause.message);
  }

  void report(const Tier& tier, Quantity quantity, double value) {
    ++step_;
    if (progress_) progress_({tier.name, quantity, step_, steps_, value});
  }

  const Topology& topology_;
  const CalibrationOptions& options_;
  const ProbeFactory& probes_;
  const ProgressFunction& progress_;
  Schedule schedule_;
  int measured_ = 0;
  int step_ = 0;
  int steps_ = 0;
  CalibrationRun result_;
};

/// Why a cache cannot serve this topology; empty when it can.
std::string unfit(const Calibration& cached, const Topology& topology) {
  if (cached.machine_id != topology.machine_id)
    return "was measured on machine " + cached.machine_id;
  for (const Tier& tier : topology.tiers) {
    if (unmeasurable(tier) != nullptr) continue;
    const bool covered =
        std::any_of(cached.tiers.begin(), cached.tiers.end(), [&](const TierMeasurement& measured) {
          return measured.tier == tier.name && measured.nodes == tier.nodes;
        });
    if (!covered) return "lacks tier " + tier.name;
  }
  return {};
}

/// The cache's figures in the topology's order; emulated tiers are taken from the topology, for the
/// tier file may have changed since.
CalibrationRun from_cache(const Calibration& cached, const Topology& topology) {
  CalibrationRun run;
  run.from_cache = true;
  run.calibration = cached;
  run.calibration.tiers.clear();
  for (const Tier& tier : topology.tiers) {
    if (const char* const why = unmeasurable(tier)) {
      run.notes.push_back("tier " + tier.name + ": " + why);
      if (tier.emulated()) run.calibration.tiers.push_back(configured(tier));
      continue;
    }
    for (const TierMeasurement& measured : cached.tiers)
      if (measured.tier == tier.name) {
        run.calibration.tiers.push_back(measured);
        break;
      }
  }
  return run;
}

bool is_absolute(const char* path) {
  return path != nullptr && path[0] == '/';
}

}  // namespace

const char* name_of(Quantity quantity) {
  switch (quantity) {
    case Quantity::kReadBandwidthOne:
      return "read bandwidth, one thread";
    case Quantity::kReadBandwidth:
      return "read bandwidth, all threads";
    case Quantity::kIdleLatency:
      return "idle latency";
    case Quantity::kLoadedLatency:
      return "loaded latency";
  }
  return "unknown";
}

const char* unit_of(Quantity quantity) {
  const bool bandwidth =
      quantity == Quantity::kReadBandwidthOne || quantity == Quantity::kReadBandwidth;
  return bandwidth ? "GB/s" : "ns";
}

Result<CalibrationRun> calibrate(const Topology& topology, const CalibrationOptions& options,
                                 const ProbeFactory& probes, const ProgressFunction& progress) {
  return Run(topology, options, probes, progress).run();
}

Result<CalibrationRun> calibrate_cached(const Topology& topology, const CalibrationOptions& options,
                                        const std::string& path, Reuse reuse,
                                        const ProbeFactory& probes,
                                        const ProgressFunction& progress) {
  std::string note;
  if (reuse == Reuse::kIfValid) {
    const auto cached = load_calibration(path);
    const std::string why = cached ? unfit(*cached, topology) : std::string();
    if (cached && why.empty()) return from_cache(*cached, topology);
    if (cached) note = path + " " + why + "; measured again";
    if (!cached && cached.error().code != ErrorCode::kIo)  // a first run has no cache
      note = std::string(cached.error().message) + "; measured again";
  }
  auto run = calibrate(topology, options, probes, progress);
  if (!run) return run.error();
  if (!note.empty()) run->notes.push_back(note);
  if (const Status saved = save_calibration(run->calibration, path); !saved)
    run->notes.push_back(saved.error().message);
  return run;
}

std::string calibration_path(const std::string& machine_id, const char* xdg_cache_home,
                             const char* home) {
  const std::string name = "/terrace/calibration-" + machine_id + ".json";
  if (is_absolute(xdg_cache_home)) return xdg_cache_home + name;
  if (is_absolute(home)) return std::string(home) + "/.cache" + name;
  return "/tmp" + name;
}

std::string default_calibration_path(const std::string& machine_id) {
  return calibration_path(machine_id, std::getenv("XDG_CACHE_HOME"), std::getenv("HOME"));
}

}  // namespace terrace::calibrate
