// SPDX-License-Identifier: Apache-2.0
#include "tiering/cli/simulate_kv.h"

#include <algorithm>
#include <cstdio>

#include <fmt/format.h>

#include "allocators/base/number_of.h"
#include "tiering/cli/messages.h"
#include "tiering/cli/suggest.h"
#include "tiering/cli/wall_choices.h"
#include "tiering/simulate/machine_of.h"
#include "tiering/wall/first_token.h"

namespace terrace::cli {
namespace {

constexpr const char* kModel = "llama3-8b";
constexpr const char* kMachine = "gh200";

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == ',') {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

Result<std::vector<const policy::KvPolicySpec*>> wanted_policies(const Settings& settings) {
  std::vector<const policy::KvPolicySpec*> wanted;
  std::vector<std::string_view> names{"all"};
  for (const policy::KvPolicySpec& spec : policy::kv_policies()) {
    names.push_back(spec.name);
    if (settings.text("kv-policy") == "all") wanted.push_back(&spec);
  }
  if (!wanted.empty()) return wanted;
  for (const std::string& name : split(settings.text("kv-policy"))) {
    const policy::KvPolicySpec* spec = policy::find_kv_policy(name);
    if (spec == nullptr) {
      const std::string hint = suggestion(name, names);
      return make_error(
          ErrorCode::kUsage, 0, "--policy: unknown policy \"%.60s\"%s", name.c_str(),
          hint.empty() ? "; it is lru, fifo, s3fifo, slru, terrace, opt or all" : hint.c_str());
    }
    if (std::find(wanted.begin(), wanted.end(), spec) != wanted.end()) {
      return make_error(ErrorCode::kUsage, 0, "--policy: \"%.60s\" is named twice", name.c_str());
    }
    wanted.push_back(spec);
  }
  return wanted;
}

Result<simulate::TraceFormat> wanted_format(const Settings& settings) {
  const std::string& name = settings.text("trace-format");
  if (name == "mooncake") return simulate::TraceFormat::kMooncake;
  if (name == "azure") return simulate::TraceFormat::kAzure;
  if (settings.given("trace-format")) {
    const std::string hint = suggestion(name, {"mooncake", "azure"});
    return make_error(ErrorCode::kUsage, 0, "--format: unknown format \"%.60s\"%s", name.c_str(),
                      hint.empty() ? "; it is mooncake or azure" : hint.c_str());
  }
  const auto by_name = simulate::trace_format_of(settings.text("trace"));
  if (by_name) return *by_name;
  return make_error(ErrorCode::kUsage, 0,
                    "--trace %.160s: neither .jsonl nor .csv; write --format mooncake or azure",
                    settings.text("trace").c_str());
}

Result<wall::FirstTokenTable> first_token_table(const Settings& settings) {
  const auto catalogue = load_catalogue_choice(settings);
  if (!catalogue.ok()) return catalogue.error();
  const std::string model = settings.given("model") ? settings.text("model") : kModel;
  const std::string name = settings.given("machine") ? settings.text("machine") : kMachine;
  auto loads = catalogue->find_loads(model, {settings.text("quant"), settings.text("kv-quant")});
  if (!loads.ok()) return loads.error();
  auto machine = catalogue->find_machine(name, 0, loads->weight_format);
  if (!machine.ok()) return machine.error();
  return wall::FirstTokenTable(catalogue->constants(), std::move(*machine), std::move(*loads));
}

/// Bytes a second from the tier behind the fastest to where the engine computes.
double slow_bytes_per_second(const wall::WallMachine& machine) {
  const wall::WallTier& tier = machine.tiers.at(1);
  const double rate = tier.measured_gbps > 0 ? tier.measured_gbps : tier.nominal_gbps;
  return 1e9 * (tier.link_gbps > 0 ? std::min(rate, tier.link_gbps) : rate);
}

Result<double> wanted_fast_share(const Settings& settings, const wall::WallMachine& machine) {
  if (machine.tiers.size() >= 2) return simulate::parse_fast_share(settings.text("fast"));
  if (!settings.given("fast")) return 1.0;
  return make_error(ErrorCode::kUsage, 0,
                    "--fast: %.60s has one tier only; leave it out or choose another --machine",
                    machine.name.c_str());
}

KvSetting setting_of(const Settings& settings, const wall::WallMachine& machine,
                     double block_bytes) {
  KvSetting setting;
  setting.trace = settings.text("trace");
  setting.machine = machine.name;
  setting.model = settings.given("model") ? settings.text("model") : kModel;
  setting.fast_tier = machine.tiers.front().name;
  setting.slow_tier = machine.tiers.size() >= 2 ? machine.tiers[1].name : "";
  setting.cost = settings.text("kv-cost");
  setting.block_bytes = block_bytes;
  return setting;
}

Result<policy::RecomputeCost> wanted_cost(const Settings& settings,
                                          const wall::FirstTokenTable& table) {
  const std::string& name = settings.text("kv-cost");
  if (name == "flat") return policy::RecomputeCost{};
  if (name != "model") {
    const std::string hint = suggestion(name, {"flat", "model"});
    return make_error(ErrorCode::kUsage, 0, "--cost: unknown cost \"%.60s\"%s", name.c_str(),
                      hint.empty() ? "; it is flat or model" : hint.c_str());
  }
  const auto growth = table.recompute_growth(simulate::kKvBlockTokens);
  if (!growth.ok()) return growth.error();
  return policy::RecomputeCost{*growth};
}

Result<simulate::KvReplayOptions> wanted_replay(const Settings& settings) {
  simulate::KvReplayOptions options;
  auto policies = wanted_policies(settings);
  if (!policies.ok()) return policies.error();
  options.policies = std::move(*policies);
  auto sizes = parse_kv_sizes(settings.text("blocks"));
  if (!sizes.ok()) return sizes.error();
  options.slots = std::move(*sizes);
  options.progress = [](std::uint64_t requests) {
    show_progress(fmt::format("request {}", requests));
  };
  return options;
}

void print(const Settings& settings, const std::vector<simulate::KvOutcome>& outcomes,
           const KvSetting& setting) {
  if (!settings.flag("json")) {
    std::fputs(kv_outcomes_as_text(outcomes, setting).c_str(), stdout);
    return;
  }
  for (const simulate::KvOutcome& outcome : outcomes) {
    std::puts(kv_outcome_as_json(outcome, setting).c_str());
  }
}

}  // namespace

Result<std::vector<std::uint32_t>> parse_kv_sizes(const std::string& text) {
  std::vector<std::uint32_t> sizes;
  for (const std::string& part : split(text)) {
    const std::uint32_t size = number_of<std::uint32_t>(part).value_or(0);
    if (size == 0 || size > simulate::kMostKvSlots) {
      return make_error(ErrorCode::kUsage, 0,
                        "--blocks: \"%.40s\" is no count of blocks from 1 to %u", part.c_str(),
                        simulate::kMostKvSlots);
    }
    if (std::find(sizes.begin(), sizes.end(), size) != sizes.end()) {
      return make_error(ErrorCode::kUsage, 0, "--blocks: %u is named twice", size);
    }
    sizes.push_back(size);
  }
  return sizes;
}

Status simulate_kv(const Settings& settings) {
  if (!settings.given("trace")) {
    return make_error(ErrorCode::kUsage, 0,
                      "--trace is missing; write --trace FILE.jsonl, a request trace of "
                      "Mooncake's form");
  }
  auto options = wanted_replay(settings);
  if (!options.ok()) return options.error();
  const auto format = wanted_format(settings);
  if (!format.ok()) return format.error();
  auto table = first_token_table(settings);
  if (!table.ok()) return table.error();
  const auto share = wanted_fast_share(settings, table->machine());
  if (!share.ok()) return share.error();
  options->fast_share = *share;
  const auto cost = wanted_cost(settings, *table);
  if (!cost.ok()) return cost.error();
  options->cost = *cost;
  const auto block_bytes = table->kv_bytes(simulate::kKvBlockTokens);
  if (!block_bytes.ok()) return block_bytes.error();
  const bool two_tiers = table->machine().tiers.size() >= 2;
  const double slow_seconds =
      two_tiers ? *block_bytes / slow_bytes_per_second(table->machine()) : 0;
  options->first_token = [&](std::uint32_t prompt, std::uint32_t cached,
                             std::uint64_t slow) -> Result<double> {
    const auto seconds = table->seconds(prompt, cached);
    if (!seconds.ok()) return seconds.error();
    return *seconds + slow_seconds * static_cast<double>(slow);
  };
  const auto outcomes = simulate::replay_kv(settings.text("trace"), *format, *options);
  show_progress("");
  if (!outcomes.ok()) return outcomes.error();
  if (*format == simulate::TraceFormat::kAzure) {
    say_warning("traces of this format name no prefixes: every block counts as another one");
  }
  print(settings, *outcomes, setting_of(settings, table->machine(), *block_bytes));
  return ok_status();
}

}  // namespace terrace::cli
