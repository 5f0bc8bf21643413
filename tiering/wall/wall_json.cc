// SPDX-License-Identifier: Apache-2.0
#include "tiering/wall/wall_json.h"

namespace terrace::wall {
namespace {

using Json = nlohmann::ordered_json;

Json known(double value) {
  return value > 0 ? Json(value) : Json(nullptr);
}

Json estimate(const Estimate& from) {
  return {
      {"value", from.value}, {"low", from.low}, {"high", from.high}, {"provenance", "predicted"}};
}

Json tier_to_json(const WallTier& tier) {
  return {{"name", tier.name},
          {"kind", tier.kind},
          {"capacity_bytes", tier.capacity_bytes},
          {"nominal_gbps", known(tier.nominal_gbps)},
          {"measured_gbps", known(tier.measured_gbps)},
          {"link_gbps", known(tier.link_gbps)},
          {"idle_latency_ns", known(tier.idle_latency_ns)},
          {"provenance", tier.how},
          {"source", tier.source}};
}

Json variant_to_json(const Variant& variant) {
  const WallMachine& machine = variant.machine;
  Json tiers = Json::array();
  for (const WallTier& tier : machine.tiers) tiers.push_back(tier_to_json(tier));
  return {
      {"cxl", variant.cxl_devices},
      {"kernels", name_of(machine.kernels)},
      {"tiers", tiers},
      {"flops", {{"value", known(machine.flops)}, {"source", machine.flops_source}}},
      {"power_watts", {{"value", known(machine.power_watts)}, {"source", machine.power_source}}},
      {"price_usd", {{"value", known(machine.price_usd)}, {"source", machine.price_source}}},
      {"largest_context", variant.fit.largest_context},
      {"largest_batch", variant.fit.largest_batch},
      {"kv_as_large_as_weights", known(variant.fit.kv_as_large_as_weights)}};
}

Json classes_to_json(const WallMachine& machine, const Answer& answer) {
  Json classes = Json::array();
  for (std::size_t c = 0; c < answer.load.classes.size(); ++c) {
    const WallLoad::Class& one = answer.load.classes[c];
    Json tiers = Json::object();
    for (std::size_t t = 0; answer.fits && t < machine.tiers.size(); ++t) {
      const double share =
          one.resident > 0 ? answer.step.placement.resident[c][t] / one.resident : 0;
      tiers[machine.tiers[t].name] = share * one.read / answer.batch;
    }
    classes.push_back({{"class", one.name},
                       {"resident_bytes", one.resident},
                       {"read_bytes_per_token", one.read / answer.batch},
                       {"written_bytes_per_token", one.written / answer.batch},
                       {"read_bytes_per_token_by_tier", tiers}});
  }
  return classes;
}

void add_prediction(const WallMachine& machine, const Answer& answer, Json& row) {
  const StepPrediction& step = answer.step;
  row["tokens_per_second"] = estimate(answer.tokens_per_second);
  row["first_token_seconds"] = estimate(answer.first_token_seconds);
  row["bound"] = name_of(step.bound);
  row["bound_by"] = step.bound_by;
  row["prompt_bound"] = name_of(answer.prompt.bound);
  row["step_seconds"] = step.seconds;
  row["memory_seconds"] = step.memory_seconds;
  row["compute_seconds"] = step.compute_seconds;
  row["start_seconds"] = step.start_seconds;
  Json achieved = Json::object();
  for (std::size_t t = 0; t < machine.tiers.size(); ++t)
    achieved[machine.tiers[t].name] = step.achieved_gbps[t];
  row["achieved_gbps"] = achieved;
  row["joules_per_token"] = known(answer.joules_per_token);
  row["usd_per_million_tokens"] = known(answer.usd_per_million_tokens);
}

Json answer_to_json(const WallMachine& machine, const Answer& answer) {
  Json row = {{"cxl", answer.cxl_devices},
              {"context", answer.context},
              {"batch", answer.batch},
              {"fits", answer.fits},
              {"needed_bytes", answer.needed_bytes},
              {"capacity_bytes", answer.capacity_bytes}};
  if (answer.fits) add_prediction(machine, answer, row);
  row["flops_per_token"] = answer.load.flops / answer.batch;
  row["read_bytes_per_token"] = answer.load.read() / answer.batch;
  row["classes"] = classes_to_json(machine, answer);
  return row;
}

Json service_to_json(const Service& service) {
  if (!service.fits) return {{"fits", false}};
  return {{"fits", true},
          {"first_token_seconds", service.first_token_seconds},
          {"whole_seconds", service.whole_seconds},
          {"tokens_per_second", service.tokens_per_second},
          {"usd", service.usd >= 0 ? Json(service.usd) : Json(nullptr)}};
}

}  // namespace

Json constants_to_json(const FittedConstants& constants) {
  const DecodeFit& fit = constants.fit;
  return {{"hidden_share", fit.hidden_share},
          {"unpacking_share", fit.unpacking_share},
          {"knee_gbps", fit.knee_gbps},
          {"layer_seconds", fit.layer_seconds},
          {"spread", fit.spread},
          {"left_out_error", constants.left_out_error},
          {"points", constants.points},
          {"source", constants.source},
          {"how", constants.how},
          {"compute_share", constants.compute_share},
          {"compute_spread", constants.compute_spread},
          {"compute_source", constants.compute_source}};
}

Json sweep_to_json(const Sweep& swept, const FittedConstants& constants) {
  Json json;
  json["model"] = {{"name", swept.model.name},
                   {"quant", swept.model.weight_format},
                   {"kv_quant", swept.model.kv_format},
                   {"size_only", swept.model.size_only},
                   {"source", swept.model.source}};
  json["variants"] = Json::array();
  json["rows"] = Json::array();
  for (const Variant& variant : swept.variants) {
    json["variants"].push_back(variant_to_json(variant));
    for (const Answer& answer : variant.answers)
      json["rows"].push_back(answer_to_json(variant.machine, answer));
  }
  json["contexts"] = swept.ranges.contexts;
  json["batches"] = swept.ranges.batches;
  json["tier_lines"] = Json::array();
  for (const TierLine& line : swept.tier_lines) {
    json["tier_lines"].push_back({{"tier", line.tier},
                                  {"capacity_bytes", line.capacity_bytes},
                                  {"tokens_per_second", line.tokens_per_second}});
  }
  json["predictor"] = constants_to_json(constants);
  return json;
}

Json edge_to_json(const EdgeRow& row) {
  return {{"prompt", row.request.prompt},
          {"output", row.request.output},
          {"device", service_to_json(row.device)},
          {"cloud", service_to_json(row.cloud)},
          {"sooner", name_of(row.sooner)},
          {"cheaper", name_of(row.cheaper)},
          {"crossover_output", known(row.crossover_output)}};
}

Json sized_to_json(const Sized& sized, const std::vector<Candidate>& candidates) {
  const WallMachine& machine = candidates[sized.candidate].machine;
  Json json = {{"machine", machine.name},
               {"cxl", sized.answer.cxl_devices},
               {"reaches", sized.reaches},
               {"lacks", sized.lacks},
               {"price_usd", known(machine.price_usd)},
               {"power_watts", known(machine.power_watts)},
               {"fits", sized.answer.fits},
               {"needed_bytes", sized.answer.needed_bytes},
               {"capacity_bytes", sized.answer.capacity_bytes}};
  if (sized.answer.fits) {
    json["tokens_per_second_each"] = sized.tokens_per_second_each;
    json["tokens_per_second"] = estimate(sized.answer.tokens_per_second);
    json["bound"] = name_of(sized.answer.step.bound);
    json["bound_by"] = sized.answer.step.bound_by;
  }
  return json;
}

}  // namespace terrace::wall
