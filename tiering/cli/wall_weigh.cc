// SPDX-License-Identifier: Apache-2.0
#include "tiering/cli/wall_weigh.h"

#include <algorithm>
#include <cstdio>

#include <fmt/format.h>

#include "allocators/topology/parse_units.h"
#include "tiering/cli/json_document.h"
#include "tiering/cli/messages.h"
#include "tiering/cli/wall_choices.h"
#include "tiering/cli/wall_text.h"
#include "tiering/wall/wall_json.h"

namespace terrace::cli {
namespace {

using Json = nlohmann::ordered_json;
constexpr int kNothingReaches = 4;

struct Side {
  wall::WallMachine machine;
  wall::ModelLoads model;
};

Result<Side> side_of(const Settings& settings, const wall::WallCatalogue& catalogue,
                     OptionId machine_option, const std::string& quant) {
  const Result<std::string> machine = required_text(settings, machine_option, "phone");
  if (!machine.ok()) return machine.error();
  const Result<std::string> name = required_text(settings, "model", "llama3-8b");
  if (!name.ok()) return name.error();
  Result<wall::ModelLoads> model = catalogue.find_loads(*name, {quant, settings.text("kv-quant")});
  if (!model.ok()) return model.error();
  Result<wall::WallMachine> found = catalogue.find_machine(*machine, 0, model->weight_format);
  if (!found.ok()) return found.error();
  return Side{std::move(*found), std::move(*model)};
}

Result<wall::Network> network_choice(const Settings& settings) {
  wall::Network network;
  network.latency_seconds = static_cast<double>(settings.duration("network-latency").value) * 1e-9;
  const Result<GBps> bandwidth = parse_bandwidth(settings.text("network-bandwidth"));
  if (!bandwidth.ok())
    return make_error(ErrorCode::kUsage, 0, "--network-bandwidth: %.200s",
                      bandwidth.error().message);
  network.bytes_per_second = bandwidth->value * 1e9;
  const Result<double> hour = amount_choice(settings, "cloud-price");
  if (!hour.ok()) return hour.error();
  network.usd_per_hour = *hour;
  const Result<double> power = amount_choice(settings, "power-price");
  if (!power.ok()) return power.error();
  network.usd_per_kwh = *power;
  const auto batch = range_choice(settings, "cloud-batch", batch_limits());
  if (!batch.ok()) return batch.error();
  network.cloud_batch = static_cast<double>(batch->back());
  return network;
}

Result<std::vector<wall::EdgeRow>> edge_rows(const Settings& settings,
                                             const wall::FittedConstants& constants,
                                             const Side& device, const Side& cloud,
                                             const wall::Network& network) {
  wall::RangeLimits limits = context_limits();
  const auto prompts = range_choice(settings, "prompt", limits);
  if (!prompts.ok()) return prompts.error();
  const auto answers = range_choice(settings, "answer", limits);
  if (!answers.ok()) return answers.error();
  std::vector<wall::EdgeRow> rows;
  for (const std::uint64_t prompt : *prompts) {
    for (const std::uint64_t answer : *answers) {
      const wall::Request request{static_cast<double>(prompt), static_cast<double>(answer)};
      const auto row = wall::weigh(constants, {device.machine, device.model},
                                   {cloud.machine, cloud.model}, network, request);
      if (!row.ok()) return row.error();
      rows.push_back(*row);
    }
  }
  return rows;
}

void print_edge(const Settings& settings, const std::vector<wall::EdgeRow>& rows,
                const Side& device, const Side& cloud) {
  if (settings.flag("json")) {
    Json document = json_document("wall-edge", "", false);
    document["machine"] = device.machine.name;
    document["cloud"] = cloud.machine.name;
    document["model"] = device.model.name;
    document["device_compute_known"] = device.machine.flops > 0;
    document["cloud_compute_known"] = cloud.machine.flops > 0;
    document["rows"] = Json::array();
    for (const wall::EdgeRow& row : rows) document["rows"].push_back(wall::edge_to_json(row));
    return print_json(document);
  }
  std::string text = fmt::format("{} {} on {} (device), {} on {} (cloud)\n\n{}", device.model.name,
                                 device.model.weight_format, device.machine.name,
                                 cloud.model.weight_format, cloud.machine.name, edge_as_text(rows));
  std::fputs(text.c_str(), stdout);
}

/// One machine, or all of the catalogue, each with every count of expanders that is asked for.
Result<std::vector<wall::Candidate>> candidates_for(const Settings& settings,
                                                    const wall::WallCatalogue& catalogue,
                                                    const std::string& format) {
  std::vector<std::string> names = catalogue.machine_names();
  if (settings.given("machine")) names = {settings.text("machine")};
  std::vector<wall::Candidate> candidates;
  for (const std::string& name : names) {
    const std::uint64_t slots = catalogue.cxl_slots(name);
    for (std::uint64_t devices = 0; devices <= slots; ++devices) {
      Result<wall::WallMachine> machine = catalogue.find_machine(name, devices, format);
      if (!machine.ok()) return machine.error();
      candidates.push_back({std::move(*machine), devices});
    }
  }
  return candidates;
}

Result<wall::Target> target_choice(const Settings& settings) {
  wall::Target target;
  if (!settings.given("speed"))
    return make_error(ErrorCode::kUsage, 0, "--speed is missing; write --speed 10 (tokens/s)");
  const Result<double> speed = amount_choice(settings, "speed");
  if (!speed.ok()) return speed.error();
  const auto contexts = range_choice(settings, "context", context_limits());
  if (!contexts.ok()) return contexts.error();
  const auto users = range_choice(settings, "users", batch_limits());
  if (!users.ok()) return users.error();
  target.tokens_per_second = *speed;
  target.context = static_cast<double>(contexts->back());
  target.users = static_cast<double>(users->back());
  return target;
}

void print_sizes(const Settings& settings, const std::vector<wall::Sized>& sizes,
                 const std::vector<wall::Candidate>& candidates) {
  if (settings.flag("json")) {
    Json document = json_document("wall-size", "", false);
    document["candidates"] = Json::array();
    for (const wall::Sized& sized : sizes)
      document["candidates"].push_back(wall::sized_to_json(sized, candidates));
    return print_json(document);
  }
  std::fputs(sizes_as_text(sizes, candidates).c_str(), stdout);
}

}  // namespace

Result<int> weigh_edge(const Settings& settings, const wall::WallCatalogue& catalogue) {
  const std::string& quant = settings.text("quant");
  Result<Side> device = side_of(settings, catalogue, "machine", quant);
  if (!device.ok()) return device.error();
  const Result<double> watts = amount_choice(settings, "device-power");
  if (!watts.ok()) return watts.error();
  if (*watts > 0) device->machine.power_watts = *watts;
  const std::string& far = settings.given("cloud-quant") ? settings.text("cloud-quant") : quant;
  const Result<Side> cloud = side_of(settings, catalogue, "against", far);
  if (!cloud.ok()) return cloud.error();
  const Result<wall::Network> network = network_choice(settings);
  if (!network.ok()) return network.error();
  const auto rows = edge_rows(settings, catalogue.constants(), *device, *cloud, *network);
  if (!rows.ok()) return rows.error();
  print_edge(settings, *rows, *device, *cloud);
  const bool any = std::any_of(rows->begin(), rows->end(), [](const wall::EdgeRow& row) {
    return row.device.fits || row.cloud.fits;
  });
  if (any) return 0;
  say_error("no request fits on the device or in the cloud");
  return kNothingReaches;
}

Result<int> size_machines(const Settings& settings, const wall::WallCatalogue& catalogue) {
  const Result<wall::Target> target = target_choice(settings);
  if (!target.ok()) return target.error();
  const Result<std::string> name = required_text(settings, "model", "llama3-8b");
  if (!name.ok()) return name.error();
  const auto model =
      catalogue.find_loads(*name, {settings.text("quant"), settings.text("kv-quant")});
  if (!model.ok()) return model.error();
  const auto candidates = candidates_for(settings, catalogue, model->weight_format);
  if (!candidates.ok()) return candidates.error();
  const wall::Confidence confidence =
      settings.flag("careful") ? wall::Confidence::kCareful : wall::Confidence::kExpected;
  const auto sizes = wall::size_up(catalogue.constants(), *candidates, *model, *target, confidence);
  if (!sizes.ok()) return sizes.error();
  print_sizes(settings, *sizes, *candidates);
  if (!sizes->empty() && sizes->front().reaches) return 0;
  say_error(fmt::format("no machine of the catalogue gives {} users {} tokens/s each",
                        target->users, target->tokens_per_second));
  return kNothingReaches;
}

}  // namespace terrace::cli
