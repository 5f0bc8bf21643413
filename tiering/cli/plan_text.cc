// SPDX-License-Identifier: Apache-2.0
#include "tiering/cli/plan_text.h"

#include <algorithm>

#include <fmt/format.h>

#include "allocators/base/count_of.h"
#include "allocators/base/show_bytes.h"
#include "tiering/cli/text_table.h"

namespace terrace::cli {
namespace {

using plan::Plan;
using plan::PlannedObject;
using plan::Prediction;

/// Of more objects than this the rest is summed up in one line.
constexpr std::size_t kShownObjects = 20;

std::string object_table(const Plan& plan) {
  std::vector<TextTable::Column> columns{
      {"object"}, {"size", Align::kRight}, {"read per step", Align::kRight}};
  for (const Tier& tier : plan.tiers) columns.push_back({tier.name, Align::kRight});
  TextTable table(std::move(columns));
  const std::size_t shown = std::min(plan.objects.size(), kShownObjects);
  for (std::size_t i = 0; i < shown; ++i) {
    const PlannedObject& object = plan.objects[i];
    std::vector<std::string> row{
        object.label, show_bytes(Bytes(object.key.size_bytes)),
        show_bytes(Bytes(static_cast<std::uint64_t>(object.bytes_per_step)))};
    for (const double share : object.shares) row.push_back(show_share(share));
    table.add(std::move(row));
  }
  std::string text = table.text();
  if (shown < plan.objects.size())
    text += fmt::format("and {}\n", count_of(plan.objects.size() - shown, "more object"));
  return text;
}

void add_prediction(TextTable& table, const char* name, const Prediction& prediction,
                    double planned_seconds) {
  if (!(prediction.step_seconds > 0)) return;
  table.add({name, show_milliseconds(prediction.step_seconds),
             fmt::format("{:.2f}", 1 / prediction.step_seconds),
             fmt::format("{:.2f}", prediction.step_seconds / planned_seconds)});
}

std::string prediction_table(const Plan& plan) {
  TextTable table({{"placement"},
                   {"step", Align::kRight},
                   {"steps/s", Align::kRight},
                   {"time over the plan's", Align::kRight}});
  const double planned = plan.planned.step_seconds;
  add_prediction(table, "all on the fastest tier, if it were large enough", plan.all_fast, planned);
  add_prediction(table, "bound: no placement in these tiers is faster", plan.bound, planned);
  if (plan.moves) add_prediction(table, "present placement", plan.moves->present, planned);
  add_prediction(table, "this plan", plan.planned, planned);
  add_prediction(table, "first touch", plan.first_touch, planned);
  add_prediction(table, "interleave 1:1", plan.interleave, planned);
  add_prediction(table, "interleave weighted by bandwidth", plan.weighted, planned);
  return table.text();
}

std::string moves_line(const Plan& plan) {
  const plan::Moves& moves = *plan.moves;
  if (moves.bytes == 0)
    return fmt::format("\nNothing moves away from {}: no move pays within {:.3g} s.\n", moves.from,
                       moves.horizon_seconds);
  return fmt::format(
      "\nFrom {}: {} move and take {:.3g} s; within {:.3g} s the plan gains {:.3g} s over that.\n",
      moves.from, show_bytes(Bytes(moves.bytes)), moves.seconds, moves.horizon_seconds,
      moves.gain_seconds(plan.planned));
}

std::string rules_line(const Plan& plan) {
  std::string text = "\nPlan and bound keep to the rules:";
  for (const plan::PlacementRule& rule : plan.rules)
    text += fmt::format("{} {}", &rule == &plan.rules.front() ? "" : ",", plan::rule_name(rule));
  return text + "\n";
}

}  // namespace

std::string plan_as_text(const Plan& plan) {
  std::string text =
      fmt::format("Plan for {} on machine {}, made from {}{}\n\n", plan.executable, plan.machine_id,
                  plan.made_from, plan.emulated ? "; a tier is emulated" : "");
  text += object_table(plan);
  const char* title = plan.emulated ? "\nPredicted, on emulated tiers:\n" : "\nPredicted:\n";
  text += title + prediction_table(plan);
  if (plan.per_second) text += "No step was found: the times are for a second of recorded work.\n";
  if (plan.recorded_step_seconds > 0)
    text += fmt::format("\nThe step was {} while recorded.\n",
                        show_milliseconds(plan.recorded_step_seconds));
  if (plan.moves) text += moves_line(plan);
  if (!plan.rules.empty()) text += rules_line(plan);
  for (const std::string& note : plan.notes) text += fmt::format("- {}\n", note);
  return text;
}

}  // namespace terrace::cli
