// SPDX-License-Identifier: Apache-2.0
// terrace verify: did the plan do what it predicted?
#include "tiering/cli/verify.h"

#include <cstdio>

#include <fmt/format.h>

#include "tiering/cli/json_document.h"
#include "tiering/cli/load_session.h"
#include "tiering/cli/messages.h"
#include "tiering/cli/text_table.h"
#include "tiering/cli/verbs/verbs.h"
#include "tiering/plan/plan_json.h"

namespace terrace::cli {
namespace {

void print_document(const Verdict& verdict, const plan::Plan& plan, const heat::HeatMap& heat) {
  auto json = json_document("verdict", plan.machine_id, plan.emulated || heat.emulated);
  json["holds"] = verdict.holds;
  json["predicted_step_seconds"] = {{"value", verdict.predicted_seconds}, {"provenance", "model"}};
  json["measured_step_seconds"] = {{"value", verdict.measured_seconds},
                                   {"provenance", heat.step_source}};
  json["difference"] = verdict.difference;
  json["margin"] = verdict.margin;
  json["objects_in_plan"] = verdict.objects_in_plan;
  json["objects_found"] = verdict.objects_found;
  json["block_share_as_planned"] = verdict.block_share_as_planned;
  print_json(json);
}

void print_text(const Verdict& verdict, bool emulated) {
  std::string text = fmt::format(
      "predicted step  {}\nmeasured step   {}{}\ndifference      {:+.1f} % (margin {})\n",
      show_milliseconds(verdict.predicted_seconds), show_milliseconds(verdict.measured_seconds),
      emulated ? ", on emulated tiers" : "", verdict.difference * 100, show_share(verdict.margin));
  text += fmt::format("objects         {} of the plan's {} found, {} of their blocks as planned\n",
                      verdict.objects_found, verdict.objects_in_plan,
                      show_share(verdict.block_share_as_planned));
  text += verdict.holds ? "The plan holds.\n" : "The plan does not hold.\n";
  std::fputs(text.c_str(), stdout);
}

/// What differs most likely, when the times do.
void hint_at_cause(const Verdict& verdict, const std::string& session) {
  if (verdict.holds) return;
  if (verdict.block_share_as_planned < 0.99) {
    say_hint(
        "blocks lie elsewhere than planned: was the session recorded under the plan "
        "(terrace run --plan PLAN --record FILE)?");
    return;
  }
  say_hint(
      fmt::format("next: terrace report {}, or terrace calibrate on a quiet machine and plan "
                  "again",
                  session));
}

}  // namespace

int verify_verb(const Call& call) {
  if (call.line.argument.empty()) {
    say_error("no plan given; write terrace verify PLAN --session SESSION");
    return 2;
  }
  const Result<plan::Plan> plan = plan::read_plan(call.line.argument);
  if (!plan.ok()) return failed(plan.error());
  const std::string& session = call.settings.text("session");
  const Result<heat::HeatMap> heat =
      load_heat_map(call.settings, session, "terrace verify PLAN --session SESSION");
  if (!heat.ok()) return failed(heat.error());
  const Result<Verdict> verdict = verify_plan(*plan, *heat, call.settings.fraction("margin"));
  if (!verdict.ok()) return failed(verdict.error());
  if (call.settings.flag("json")) {
    print_document(*verdict, *plan, *heat);
  } else {
    print_text(*verdict, plan->emulated || heat->emulated);
  }
  hint_at_cause(*verdict, session);
  return verdict->holds ? 0 : 1;
}

}  // namespace terrace::cli
