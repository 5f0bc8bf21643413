// SPDX-License-Identifier: Apache-2.0
// terrace simulate: policies over a workload, without running it.
#include <array>
#include <cstdio>
#include <string_view>

#include <fmt/format.h>

#include "tiering/cli/json_document.h"
#include "tiering/cli/messages.h"
#include "tiering/cli/simulate_kv.h"
#include "tiering/cli/simulate_request.h"
#include "tiering/cli/simulate_text.h"
#include "tiering/cli/suggest.h"
#include "tiering/cli/verbs/verbs.h"

namespace terrace::cli {
namespace {

struct Simulated {
  simulate::Comparison comparison;
  Topology topology;
};

int failed_midway(const Error& error) {
  show_progress("");
  return failed(error);
}

Result<Simulated> simulate_one(const Settings& settings, const SimulatedWorkload& workload,
                               const std::vector<const policy::PolicySpec*>& policies,
                               simulate::ComparisonOptions options) {
  auto machine = wanted_machine(settings, workload);
  if (!machine) return machine.error();
  options.progress = [&](std::uint64_t step) {
    show_progress(fmt::format("{}: step {} of {}", workload.source.name, step, options.steps));
  };
  auto comparison =
      simulate::compare(workload.source, machine->topology, machine->machine, policies, options);
  show_progress("");
  if (!comparison) return comparison.error();
  return Simulated{std::move(*comparison), std::move(machine->topology)};
}

void print_document(const std::vector<Simulated>& results) {
  const Topology& topology = results.front().topology;
  auto json = json_document("simulation", topology.machine_id, topology.emulated());
  json["provenance"] = "simulated";
  json["workloads"] = nlohmann::ordered_json::array();
  for (const Simulated& result : results) {
    json["workloads"].push_back(comparison_as_json(result.comparison, result.topology));
  }
  print_json(json);
}

void print_text(const std::vector<Simulated>& results) {
  if (results.size() == 1) {
    std::fputs(comparison_as_text(results[0].comparison, results[0].topology).c_str(), stdout);
    return;
  }
  std::vector<simulate::Comparison> comparisons;
  for (const Simulated& result : results) comparisons.push_back(result.comparison);
  std::fputs(overview_as_text(comparisons).c_str(), stdout);
  say_hint("next: terrace simulate --workload NAME for moves and hits of one of them");
}

int simulate_placement(const Call& call) {
  const auto policies = wanted_policies(call.settings);
  if (!policies) return failed_midway(policies.error());
  const auto options = wanted_steps(call.settings);
  if (!options) return failed_midway(options.error());
  const auto workloads = wanted_workloads(call.settings);
  if (!workloads) return failed_midway(workloads.error());
  std::vector<Simulated> results;
  for (const SimulatedWorkload& workload : *workloads) {
    auto result = simulate_one(call.settings, workload, *policies, *options);
    if (!result) return failed_midway(result.error());
    results.push_back(std::move(*result));
  }
  if (call.settings.flag("json")) {
    print_document(results);
  } else {
    print_text(results);
  }
  return 0;
}

int simulate_kv_subject(const Call& call) {
  const Status done = simulate_kv(call.settings);
  return done.ok() ? 0 : failed_midway(done.error());
}

/// What can be simulated, by the verb's argument. The first is meant when none is given.
struct Subject {
  std::string_view name;
  int (*run)(const Call& call);
};
constexpr std::array kSubjects = {Subject{"placement", simulate_placement},
                                  Subject{"kv", simulate_kv_subject}};

}  // namespace

int simulate_verb(const Call& call) {
  const std::string& wanted = call.line.argument;
  std::vector<std::string_view> names;
  for (const Subject& subject : kSubjects) {
    if (wanted.empty() || wanted == subject.name) return subject.run(call);
    names.push_back(subject.name);
  }
  const std::string hint = suggestion(wanted, names);
  return failed_midway(
      make_error(ErrorCode::kUsage, 0, "simulate: unknown argument \"%.60s\"%s", wanted.c_str(),
                 hint.empty() ? "; a workload goes behind --workload" : hint.c_str()));
}

}  // namespace terrace::cli
