// SPDX-License-Identifier: Apache-2.0
#include "tiering/cli/simulate_text.h"

#include <fmt/format.h>

#include "allocators/base/count_of.h"
#include "allocators/base/show_bytes.h"
#include "tiering/cli/json_document.h"
#include "tiering/cli/text_table.h"

namespace terrace::cli {
namespace {

using simulate::Comparison;
using simulate::PolicyOutcome;

Bytes bytes_of(std::uint64_t blocks) {
  return Bytes(blocks * kBlockBytes.value);
}

std::string optimum_of(const Comparison& comparison) {
  if (comparison.window_steps == 0) return "one placement for all steps";
  if (comparison.window_steps == 1) return "a placement for each step, moves free";
  return fmt::format("a placement for each {} steps, moves free", comparison.window_steps);
}

nlohmann::ordered_json simulated(double value) {
  return {{"value", value}, {"provenance", "simulated"}};
}

}  // namespace

std::string comparison_as_text(const Comparison& comparison, const Topology& topology) {
  std::string text = fmt::format(
      "{}: {}\n{} in blocks of 2 MiB, tier {} holds {}; {} after {} to learn; simulated\n\n",
      comparison.workload, comparison.summary, show_bytes(bytes_of(comparison.workload_blocks)),
      topology.tiers.front().name, show_bytes(bytes_of(comparison.fast_blocks)),
      count_of(comparison.steps, "step"), comparison.warmup_steps);
  TextTable table({{"policy"},
                   {"step", Align::kRight},
                   {"over optimum", Align::kRight},
                   {"fast reads", Align::kRight},
                   {"moved a step", Align::kRight},
                   {"moves", Align::kRight},
                   {"back and forth", Align::kRight}});
  for (const PolicyOutcome& outcome : comparison.policies) {
    table.add({outcome.name, show_milliseconds(outcome.totals.step_seconds()),
               fmt::format("{:.3f}", outcome.over_bound), show_share(outcome.totals.hit_share()),
               show_bytes(Bytes(outcome.moved_bytes() / comparison.steps)),
               std::to_string(outcome.totals.moves),
               std::to_string(outcome.totals.back_and_forth)});
  }
  table.add({"offline optimum", show_milliseconds(comparison.bound_step_seconds), "1.000"});
  return text + table.text() + fmt::format("Offline optimum: {}.\n", optimum_of(comparison));
}

std::string overview_as_text(const std::vector<Comparison>& comparisons) {
  std::vector<TextTable::Column> columns{{"policy"}};
  for (const Comparison& comparison : comparisons) {
    columns.push_back({comparison.workload, Align::kRight});
  }
  TextTable table(std::move(columns));
  for (std::size_t i = 0; i < comparisons.front().policies.size(); ++i) {
    std::vector<std::string> row{comparisons.front().policies[i].name};
    for (const Comparison& comparison : comparisons) {
      row.push_back(fmt::format("{:.3f}", comparison.policies[i].over_bound));
    }
    table.add(std::move(row));
  }
  return "Step time over the offline optimum's, simulated\n\n" + table.text();
}

nlohmann::ordered_json comparison_as_json(const Comparison& comparison, const Topology& topology) {
  nlohmann::ordered_json json;
  json["workload"] = comparison.workload;
  json["summary"] = comparison.summary;
  json["workload_bytes"] = bytes_of(comparison.workload_blocks).value;
  json["steps"] = comparison.steps;
  json["warmup_steps"] = comparison.warmup_steps;
  json["tiers"] = nlohmann::ordered_json::array();
  for (const Tier& tier : topology.tiers) json["tiers"].push_back(tier_to_json(tier));
  json["optimum_window_steps"] = comparison.window_steps;
  json["optimum_step_seconds"] = simulated(comparison.bound_step_seconds);
  json["policies"] = nlohmann::ordered_json::array();
  for (const PolicyOutcome& outcome : comparison.policies) {
    nlohmann::ordered_json policy;
    policy["name"] = outcome.name;
    policy["step_seconds"] = simulated(outcome.totals.step_seconds());
    policy["over_optimum"] = outcome.over_bound;
    policy["hit_share"] = outcome.totals.hit_share();
    policy["moved_bytes"] = outcome.moved_bytes();
    policy["moves"] = outcome.totals.moves;
    policy["back_and_forth_moves"] = outcome.totals.back_and_forth;
    json["policies"].push_back(std::move(policy));
  }
  return json;
}

}  // namespace terrace::cli
