// SPDX-License-Identifier: Apache-2.0
#include "tiering/cli/simulate_request.h"

#include <algorithm>

#include <fmt/format.h>

#include "profiler/heat/lives.h"
#include "profiler/session/session_reader.h"
#include "tiering/cli/load_session.h"
#include "tiering/cli/load_topology.h"
#include "tiering/cli/messages.h"
#include "tiering/cli/name_recording.h"
#include "tiering/cli/suggest.h"
#include "tiering/policy/registry.h"
#include "tiering/simulate/machine_of.h"
#include "tiering/simulate/trace_workload.h"

namespace terrace::cli {
namespace {

using simulate::SyntheticSpec;

constexpr std::uint32_t kLeastSteps = 4;
constexpr std::uint32_t kMostSteps = 10'000'000;

Error unknown_name(const char* what, const std::string& name,
                   const std::vector<std::string_view>& names) {
  const std::string hint = suggestion(name, names);
  return make_error(ErrorCode::kUsage, 0, "%s \"%.60s\"%s", what, name.c_str(),
                    hint.empty() ? "; docs/simulator.md lists the names" : hint.c_str());
}

bool looks_like_a_file(const std::string& name) {
  return name.find('/') != std::string::npos || name.ends_with(".session") ||
         simulate::trace_format_of(name).has_value();
}

Result<SimulatedWorkload> session_of(const Settings& settings, const std::string& path) {
  auto session = load_session(settings, path, "--workload FILE.session");
  if (!session) return session.error();
  const Status named = name_for_show(settings, *session);
  if (!named.ok()) return named.error();
  auto heat = heat::build_heat_map(*session, settings.fraction("min-lifetime"));
  if (!heat) return heat.error();
  heat::join_lives(*heat);
  auto run = simulate::recorded_run(*session, std::move(*heat));
  if (!run) return run.error();
  for (const std::string& note : run->notes) say_warning(note);
  SimulatedWorkload workload;
  workload.recorded = std::make_shared<simulate::RecordedRun>(std::move(*run));
  workload.source = simulate::session_source(path, *workload.recorded, settings.integer("seed"));
  return workload;
}

Result<SimulatedWorkload> file_of(const Settings& settings, const std::string& path) {
  const auto format = simulate::trace_format_of(path);
  if (!format) return session_of(settings, path);
  auto source = simulate::trace_source(path, *format, simulate::ServerShape{});
  if (!source) return source.error();
  return SimulatedWorkload{std::move(*source), nullptr};
}

std::vector<std::string> split_names(const std::string& text) {
  std::vector<std::string> names(1);
  for (const char c : text) {
    if (c == ',') {
      names.emplace_back();
    } else {
      names.back() += c;
    }
  }
  return names;
}

bool over_own_tiers(const Settings& settings) {
  return settings.flag("this-machine") || settings.given("tiers");
}

Result<Topology> simulated_tiers(const Settings& settings, const SimulatedWorkload& workload,
                                 std::uint32_t blocks) {
  simulate::TwoTiers shape;
  const auto share = simulate::parse_fast_share(settings.text("fast"));
  if (!share) return share.error();
  const auto ratio = simulate::parse_slow_ratio(settings.text("slow-ratio"));
  if (!ratio) return ratio.error();
  shape.fast_share = *share;
  shape.slow_ratio = *ratio;
  if (workload.recorded) {
    shape.fast_bandwidth = GBps(1e-9 / workload.recorded->engine_seconds_per_byte);
  }
  return simulate::two_tiers(shape, blocks);
}

}  // namespace

Result<std::vector<SimulatedWorkload>> wanted_workloads(const Settings& settings) {
  const std::string& name = settings.text("workload");
  const std::uint64_t seed = settings.integer("seed");
  std::vector<SimulatedWorkload> workloads;
  std::vector<std::string_view> names{"all"};
  for (const SyntheticSpec& spec : simulate::synthetic_workloads()) {
    names.push_back(spec.name);
    if (name == "all" || name == spec.name) {
      workloads.push_back({simulate::synthetic_source(spec, seed), nullptr});
    }
  }
  if (!workloads.empty()) return workloads;
  if (!looks_like_a_file(name)) return unknown_name("--workload: unknown workload", name, names);
  auto file = file_of(settings, name);
  if (!file) return file.error();
  workloads.push_back(std::move(*file));
  return workloads;
}

Result<std::vector<const policy::PolicySpec*>> wanted_policies(const Settings& settings) {
  std::vector<const policy::PolicySpec*> wanted;
  std::vector<std::string_view> names;
  for (const policy::PolicySpec& spec : policy::policies()) {
    names.push_back(spec.name);
    if (settings.flag("all-policies")) wanted.push_back(&spec);
  }
  if (settings.flag("all-policies")) {
    if (!settings.given("policies")) return wanted;
    return make_error(ErrorCode::kUsage, 0, "--policies and --all-policies: give one of them");
  }
  for (const std::string& name : split_names(settings.text("policies"))) {
    const policy::PolicySpec* spec = policy::find_policy(name);
    if (spec == nullptr) return unknown_name("--policies: unknown policy", name, names);
    if (std::find(wanted.begin(), wanted.end(), spec) != wanted.end()) {
      return make_error(ErrorCode::kUsage, 0, "--policies: \"%.60s\" is named twice", name.c_str());
    }
    wanted.push_back(spec);
  }
  return wanted;
}

Result<simulate::ComparisonOptions> wanted_steps(const Settings& settings) {
  simulate::ComparisonOptions options;
  options.steps = settings.integer("steps");
  if (options.steps < kLeastSteps || options.steps > kMostSteps) {
    return make_error(ErrorCode::kUsage, 0, "--steps: %llu is not from %u to %u",
                      static_cast<unsigned long long>(options.steps), kLeastSteps, kMostSteps);
  }
  options.warmup_steps = options.steps / 4;
  return options;
}

Result<SimulatedMachine> wanted_machine(const Settings& settings,
                                        const SimulatedWorkload& workload) {
  auto probe = workload.source.make(simulate::Run::kMeasured);
  if (!probe) return probe.error();
  const std::uint32_t blocks = (*probe)->layout().blocks();
  Result<Topology> topology = over_own_tiers(settings)
                                  ? load_usable_topology(settings)
                                  : simulated_tiers(settings, workload, blocks);
  if (!topology) return topology.error();
  if (over_own_tiers(settings) && (settings.given("fast") || settings.given("slow-ratio"))) {
    return make_error(ErrorCode::kUsage, 0,
                      "--fast and --slow-ratio describe simulated tiers; leave them out beside "
                      "--tiers and --this-machine");
  }
  const double engine = workload.recorded ? workload.recorded->engine_seconds_per_byte : 0;
  auto machine = simulate::machine_of(*topology, engine, blocks);
  if (!machine) return machine.error();
  return SimulatedMachine{std::move(*topology), std::move(*machine)};
}

}  // namespace terrace::cli
