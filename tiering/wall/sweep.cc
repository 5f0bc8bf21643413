// SPDX-License-Identifier: Apache-2.0
#include "tiering/wall/sweep.h"

#include <algorithm>

#include <fmt/format.h>

namespace terrace::wall {
namespace {

Status add_answers(const WallCatalogue& catalogue, const Sweep& swept, Variant& variant) {
  const auto first_batch = static_cast<double>(swept.ranges.batches.front());
  const auto first_context = static_cast<double>(swept.ranges.contexts.front());
  const Result<Fit> fit = what_fits(variant.machine, swept.model, first_context, first_batch);
  if (!fit.ok()) return fit.error();
  variant.fit = *fit;
  for (const std::uint64_t context : swept.ranges.contexts) {
    for (const std::uint64_t batch : swept.ranges.batches) {
      Result<Answer> answer = answer_for(catalogue.constants(), variant.machine, swept.model,
                                         static_cast<double>(context), static_cast<double>(batch));
      if (!answer.ok()) return answer.error();
      answer->cxl_devices = variant.cxl_devices;
      variant.answers.push_back(std::move(*answer));
    }
  }
  return ok_status();
}

Status add_tier_lines(const WallCatalogue& catalogue, Sweep& swept) {
  const WallMachine& machine = swept.variants.back().machine;
  for (std::size_t t = 0; t < machine.tiers.size(); ++t) {
    TierLine line;
    line.tier = machine.tiers[t].name;
    line.capacity_bytes = machine.tiers[t].capacity_bytes;
    for (const std::uint64_t context : swept.ranges.contexts) {
      const Result<double> speed = speed_on_one_tier(
          catalogue.constants(), machine, t, swept.model, static_cast<double>(context),
          static_cast<double>(swept.ranges.batches.front()));
      if (!speed.ok()) return speed.error();
      line.tokens_per_second.push_back(*speed);
    }
    swept.tier_lines.push_back(std::move(line));
  }
  return ok_status();
}

std::string csv_row(const Sweep& swept, const Variant& variant, const Answer& answer) {
  std::string row = fmt::format("{},{},{},{},{},{:.0f},{:.0f}", variant.machine.name,
                                swept.model.name, swept.model.weight_format, swept.model.kv_format,
                                variant.cxl_devices, answer.context, answer.batch);
  row += fmt::format(",{},{:.0f},{:.0f}", answer.fits ? "yes" : "no", answer.needed_bytes,
                     answer.capacity_bytes);
  if (!answer.fits) return row + ",,,,,,,,,\n";
  const Estimate& speed = answer.tokens_per_second;
  row += fmt::format(",{:.6g},{:.6g},{:.6g},{:.6g},{},{},{:.6g}", speed.value, speed.low,
                     speed.high, answer.first_token_seconds.value, name_of(answer.step.bound),
                     answer.step.bound_by, answer.load.read() / answer.batch);
  const auto known = [](double value) {
    return value > 0 ? fmt::format("{:.6g}", value) : std::string();
  };
  return row + "," + known(answer.joules_per_token) + "," + known(answer.usd_per_million_tokens) +
         "\n";
}

}  // namespace

Result<Sweep> sweep(const WallCatalogue& catalogue, const SweepRequest& request) {
  Result<ModelLoads> model = catalogue.find_loads(request.model, request.formats);
  if (!model.ok()) return model.error();
  Sweep swept;
  swept.model = std::move(*model);
  swept.ranges = request.ranges;
  for (const std::uint64_t devices : request.ranges.cxl_devices) {
    Result<WallMachine> machine =
        catalogue.find_machine(request.machine, devices, swept.model.weight_format);
    if (!machine.ok()) return machine.error();
    Variant variant;
    variant.cxl_devices = devices;
    variant.machine = std::move(*machine);
    const Status added = add_answers(catalogue, swept, variant);
    if (!added.ok()) return added.error();
    swept.variants.push_back(std::move(variant));
  }
  const Status lines = add_tier_lines(catalogue, swept);
  if (!lines.ok()) return lines.error();
  return swept;
}

bool anything_fits(const Sweep& swept) {
  return std::any_of(swept.variants.begin(), swept.variants.end(), [](const Variant& variant) {
    return std::any_of(variant.answers.begin(), variant.answers.end(),
                       [](const Answer& answer) { return answer.fits; });
  });
}

std::string why_nothing_fits(const Sweep& swept) {
  const Variant& last = swept.variants.back();
  const Answer& first = last.answers.front();
  std::string text =
      fmt::format("{} {} with context {:.0f} and batch {:.0f} needs {:.1f} GB; {} has {:.1f} GB",
                  swept.model.name, swept.model.weight_format, first.context, first.batch,
                  first.needed_bytes / 1e9, last.machine.name, first.capacity_bytes / 1e9);
  if (last.fit.largest_context > 0)
    return text +
           fmt::format("; the largest context that fits is {:.0f}", last.fit.largest_context);
  return text + "; take a smaller --quant, a smaller --batch, --cxl or a larger machine";
}

std::string sweep_as_csv(const Sweep& swept) {
  std::string text =
      "machine,model,quant,kv_quant,cxl,context,batch,fits,needed_bytes,capacity_bytes,"
      "tokens_per_second,low,high,first_token_seconds,bound,bound_by,read_bytes_per_token,"
      "joules_per_token,usd_per_million_tokens\n";
  for (const Variant& variant : swept.variants) {
    for (const Answer& answer : variant.answers) text += csv_row(swept, variant, answer);
  }
  return text;
}

}  // namespace terrace::wall
