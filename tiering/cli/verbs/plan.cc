// SPDX-License-Identifier: Apache-2.0
// terrace plan: from a session to a placement, and what it gains.
#include "tiering/plan/plan.h"

#include <cstdio>
#include <utility>

#include <fmt/format.h>

#include "tiering/cli/load_session.h"
#include "tiering/cli/load_topology.h"
#include "tiering/cli/messages.h"
#include "tiering/cli/output_file.h"
#include "tiering/cli/placed_names.h"
#include "tiering/cli/plan_text.h"
#include "tiering/cli/prepare_flat.h"
#include "tiering/cli/verbs/verbs.h"
#include "tiering/plan/plan_json.h"
#include "tiering/plan/planner.h"
#include "tiering/plan/rule_text.h"

namespace terrace::cli {
namespace {

Status check_outputs(const Settings& settings) {
  if (settings.flag("force")) return ok_status();
  if (settings.given("output")) {
    const Status plan = check_overwrite(settings.text("output"), OutputKind::kJson);
    if (!plan.ok()) return plan;
  }
  return settings.given("flat") ? check_overwrite(settings.text("flat"), OutputKind::kFlat)
                                : ok_status();
}

Result<plan::PlannerOptions> planner_options(const Settings& settings) {
  plan::PlannerOptions options;
  options.phase_bytes = settings.size("phase-size");
  options.capacity_headroom = settings.fraction("headroom");
  options.slow_link_utilisation = settings.fraction("slow-link-use");
  options.horizon = settings.duration("horizon");
  for (const auto& [option, kind] : {std::pair{OptionId("pin"), plan::RuleKind::kPin},
                                     std::pair{OptionId("forbid"), plan::RuleKind::kForbid}}) {
    if (settings.text(option).empty()) continue;
    const auto rules = plan::parse_rules(kind, settings.text(option));
    if (!rules.ok()) return rules.error();
    options.rules.insert(options.rules.end(), rules->begin(), rules->end());
  }
  return options;
}

Result<plan::Plan> plan_session(const Settings& settings, const Topology& topology,
                                const std::string& session, const heat::HeatMap& heat) {
  Result<plan::PlannerOptions> options = planner_options(settings);
  if (!options.ok()) return options.error();
  plan::Plan present;
  if (settings.given("from")) {
    Result<plan::Plan> read = plan::read_plan(settings.text("from"));
    if (!read.ok()) return read.error();
    present = std::move(*read);
    options->present = &present;
  }
  Result<plan::Plan> plan = plan::make_plan(heat, topology, *options);
  if (!plan.ok()) return plan;
  plan->made_from = session;
  if (plan->moves) plan->moves->from = settings.text("from");
  return plan;
}

Status write_outputs(const Settings& settings, const Topology& topology, const plan::Plan& plan) {
  if (settings.given("output")) {
    const Status written = plan::write_plan(settings.text("output"), plan);
    if (!written.ok()) return written;
  }
  if (!settings.given("flat")) return ok_status();
  return plan::write_flat(settings.text("flat"), topology, &plan, runtime_options(settings));
}

}  // namespace

int plan_verb(const Call& call) {
  const Settings& settings = call.settings;
  const Status outputs = check_outputs(settings);
  if (!outputs.ok()) return failed(outputs.error());
  const Result<Topology> topology = load_usable_topology(settings);
  if (!topology.ok()) return failed(topology.error());
  const std::string session = session_argument(settings, call.line.argument);
  const Result<heat::HeatMap> heat =
      load_heat_map(settings, session, "terrace plan SESSION, or -i SESSION");
  if (!heat.ok()) return failed(heat.error());
  const Result<plan::Plan> plan = plan_session(settings, *topology, session, *heat);
  if (!plan.ok()) return failed(plan.error());
  const Status written = write_outputs(settings, *topology, *plan);
  if (!written.ok()) return failed(written.error());
  const std::string text = settings.flag("json") ? plan::plan_to_json(*plan)
                                                 : plan_as_text(*plan) + placed_names(*plan, *heat);
  std::fputs(text.c_str(), stdout);
  const std::string& output = settings.text("output");
  say_hint(output.empty()
               ? fmt::format("next: terrace plan {} -o plan.json", session)
               : fmt::format("plan in {0}; next: terrace run --plan {0} -- PROGRAM", output));
  return 0;
}

}  // namespace terrace::cli
