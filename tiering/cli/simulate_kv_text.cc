// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "allocators/base/count_of.h"
#include "allocators/base/show_bytes.h"
#include "tiering/cli/simulate_kv.h"
#include "tiering/cli/text_table.h"

namespace terrace::cli {
namespace {

std::uint64_t moved_bytes(const simulate::KvOutcome& outcome, const KvSetting& setting) {
  return static_cast<std::uint64_t>(static_cast<double>(outcome.moved_blocks) *
                                    setting.block_bytes);
}

}  // namespace

std::string kv_outcome_as_json(const simulate::KvOutcome& outcome, const KvSetting& setting) {
  nlohmann::ordered_json json;
  json["blocks"] = outcome.slots;
  json["policy"] = outcome.policy;
  json["hit"] = outcome.hit();
  json["hit_by_tier"] = {{setting.fast_tier, outcome.share(outcome.hit_fast)}};
  if (!setting.slow_tier.empty()) {
    json["hit_by_tier"][setting.slow_tier] = outcome.share(outcome.hit_slow);
  }
  json["moved_bytes"] = moved_bytes(outcome, setting);
  json["first_token_seconds"] = outcome.first_token_seconds;
  json["recomputed_seconds"] = outcome.recomputed_seconds;
  json["saved"] = outcome.saved();
  json["cost"] = setting.cost;
  json["requests"] = outcome.requests;
  json["wanted_blocks"] = outcome.wanted_blocks;
  json["machine"] = setting.machine;
  json["model"] = setting.model;
  json["provenance"] = "simulated";
  return json.dump();
}

std::string kv_outcomes_as_text(const std::vector<simulate::KvOutcome>& outcomes,
                                const KvSetting& setting) {
  std::string text =
      fmt::format("{}: {}, {} of 512 tokens ({} each)\n{} on {}, cost {}; simulated\n\n",
                  setting.trace, count_of(outcomes.front().requests, "request"),
                  count_of(outcomes.front().wanted_blocks, "block"),
                  show_bytes(Bytes(static_cast<std::uint64_t>(setting.block_bytes))), setting.model,
                  setting.machine, setting.cost);
  TextTable table({{"blocks", Align::kRight},
                   {"policy"},
                   {"hit", Align::kRight},
                   {"on " + setting.fast_tier, Align::kRight},
                   {setting.slow_tier.empty() ? "" : "on " + setting.slow_tier, Align::kRight},
                   {"moved", Align::kRight},
                   {"first token", Align::kRight},
                   {"saved", Align::kRight}});
  for (const simulate::KvOutcome& one : outcomes) {
    table.add({std::to_string(one.slots), one.policy, show_share(one.hit()),
               show_share(one.share(one.hit_fast)),
               setting.slow_tier.empty() ? "" : show_share(one.share(one.hit_slow)),
               show_bytes(Bytes(moved_bytes(one, setting))),
               show_milliseconds(one.first_token_seconds), show_share(one.saved())});
  }
  return text + table.text();
}

}  // namespace terrace::cli
