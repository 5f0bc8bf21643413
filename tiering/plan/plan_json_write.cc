// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <nlohmann/json.hpp>

#include "tiering/plan/plan_json.h"
#include "tiering/plan/plan_words.h"

namespace terrace::plan {
namespace {

// Keys keep the order in which a person wants to read them.
using Json = nlohmann::ordered_json;

template <typename T>
Json figure(T value, Provenance from) {
  return Json{{"value", value}, {"provenance", word_of(from, kProvenanceWords)}};
}

Json tier_json(const Tier& tier) {
  Json nodes = Json::array();
  for (NodeId node : tier.nodes) nodes.push_back(raw(node));
  Json json{
      {"name", tier.name},
      {"kind", word_of(tier.kind, kKindWords)},
      {"backing", word_of(tier.backing, kBackingWords)},
      {"nodes", nodes},
      {"capacity_bytes", figure(tier.capacity.value.value, tier.capacity.from)},
      {"read_bandwidth_gbps", figure(tier.read_bandwidth.value.value, tier.read_bandwidth.from)},
      {"read_bandwidth_one_gbps",
       figure(tier.read_bandwidth_one.value.value, tier.read_bandwidth_one.from)},
      {"idle_latency_ns", figure(tier.idle_latency.value.value, tier.idle_latency.from)},
      {"loaded_latency_ns", figure(tier.loaded_latency.value.value, tier.loaded_latency.from)},
  };
  if (tier.backing == BackingKind::kDax) {
    json["path"] = tier.path;
    json["mapping_unit_bytes"] = tier.mapping_unit.value;
  }
  return json;
}

Json object_json(const PlannedObject& object) {
  char site[17];
  std::snprintf(site, sizeof site, "%016llx",
                static_cast<unsigned long long>(object.key.site_hash));
  return Json{
      {"label", object.label},
      {"site", site},
      {"size_bytes", object.key.size_bytes},
      {"ordinal", object.key.ordinal},
      {"origin", word_of(object.key.origin, kOriginWords)},
      {"bytes_per_step", object.bytes_per_step},
      {"tier_bytes_per_step", object.tier_bytes_per_step},
      {"shares", object.shares},
      {"blocks", encode_block_map(object.block_tiers)},
  };
}

Json prediction_json(const Prediction& prediction) {
  return Json{
      {"step_seconds", prediction.step_seconds},
      {"compute_seconds", prediction.compute_seconds},
      {"tier_busy_seconds", prediction.tier_busy_seconds},
  };
}

Json rules_json(const std::vector<PlacementRule>& rules) {
  Json json = Json::array();
  for (const PlacementRule& rule : rules) {
    json.push_back(Json{
        {"rule", word_of(rule.kind, kRuleWords)}, {"objects", rule.objects}, {"tier", rule.tier}});
  }
  return json;
}

Json moves_json(const Moves& moves, const Prediction& planned) {
  return Json{
      {"from", moves.from},
      {"horizon_seconds", moves.horizon_seconds},
      {"bytes", moves.bytes},
      {"seconds", moves.seconds},
      {"gain_seconds", moves.gain_seconds(planned)},
      {"present", prediction_json(moves.present)},
  };
}

}  // namespace

std::string encode_block_map(const std::vector<std::uint8_t>& tiers) {
  std::string text;
  for (std::size_t begin = 0; begin < tiers.size();) {
    std::size_t end = begin;
    while (end < tiers.size() && tiers[end] == tiers[begin]) ++end;
    if (!text.empty()) text += ' ';
    text += std::to_string(tiers[begin]);
    if (end - begin > 1) text += '*' + std::to_string(end - begin);
    begin = end;
  }
  return text;
}

std::string plan_to_json(const Plan& plan) {
  Json tiers = Json::array();
  for (const Tier& tier : plan.tiers) tiers.push_back(tier_json(tier));
  Json objects = Json::array();
  for (const PlannedObject& object : plan.objects) objects.push_back(object_json(object));
  Json document{
      {"schema_version", plan.schema_version},
      {"emulated", plan.emulated},
      {"machine_id", plan.machine_id},
      {"executable", plan.executable},
      {"made_from", plan.made_from},
      {"notes", plan.notes},
      {"per_second", plan.per_second},
      {"recorded_step_seconds", plan.recorded_step_seconds},
      {"predictions",
       {{"all_fast", prediction_json(plan.all_fast)},
        {"bound", prediction_json(plan.bound)},
        {"planned", prediction_json(plan.planned)},
        {"first_touch", prediction_json(plan.first_touch)},
        {"interleave", prediction_json(plan.interleave)},
        {"weighted", prediction_json(plan.weighted)}}},
      {"tiers", tiers},
      {"objects", objects},
  };
  if (!plan.rules.empty()) document["rules"] = rules_json(plan.rules);
  if (plan.moves) document["moves"] = moves_json(*plan.moves, plan.planned);
  // Names of files and programs need not be UTF-8; what is not is replaced, not refused.
  return document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace terrace::plan
