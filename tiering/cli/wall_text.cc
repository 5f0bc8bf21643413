// SPDX-License-Identifier: Apache-2.0
#include "tiering/cli/wall_text.h"

#include <algorithm>
#include <cmath>
#include <set>

#include <fmt/format.h>

#include "allocators/base/count_of.h"
#include "tiering/cli/text_table.h"

namespace terrace::cli {
namespace {

using wall::Answer;
using wall::Variant;

std::string show_estimate(const wall::Estimate& estimate, const char* unit) {
  return fmt::format("{} {} ({} to {})", show_number(estimate.value), unit,
                     show_number(estimate.low), show_number(estimate.high));
}

std::string show_bound(const wall::StepPrediction& step) {
  return step.bound_by.empty() ? wall::name_of(step.bound)
                               : fmt::format("{} of {}", wall::name_of(step.bound), step.bound_by);
}

std::string show_gigabytes(double bytes) {
  return show_number(bytes / 1e9);
}

std::string machine_name(const Variant& variant) {
  if (variant.cxl_devices == 0) return variant.machine.name;
  return fmt::format("{} + {} CXL", variant.machine.name, variant.cxl_devices);
}

std::string class_table(const Variant& variant, const Answer& answer) {
  std::vector<TextTable::Column> columns = {
      {"class"}, {"GB held", Align::kRight}, {"GB per token", Align::kRight}};
  for (const wall::WallTier& tier : variant.machine.tiers)
    columns.push_back({"on " + tier.name, Align::kRight});
  TextTable table(columns);
  for (std::size_t c = 0; c < answer.load.classes.size(); ++c) {
    const wall::WallLoad::Class& one = answer.load.classes[c];
    std::vector<std::string> row = {one.name, show_gigabytes(one.resident),
                                    show_gigabytes(one.read / answer.batch)};
    for (const double bytes : answer.step.placement.resident[c])
      row.push_back(show_share(one.resident > 0 ? std::max(0.0, bytes / one.resident) : 0));
    table.add(row);
  }
  return table.text();
}

std::string tier_table(const Variant& variant, const Answer& answer) {
  TextTable table({{"tier"},
                   {"GB", Align::kRight},
                   {"GB/s counted on", Align::kRight},
                   {"of", Align::kRight},
                   {"kind"},
                   {"source"}});
  for (std::size_t t = 0; t < variant.machine.tiers.size(); ++t) {
    const wall::WallTier& tier = variant.machine.tiers[t];
    const double figure = tier.measured_gbps > 0 ? tier.measured_gbps : tier.nominal_gbps;
    table.add({tier.name, show_gigabytes(tier.capacity_bytes),
               show_number(answer.step.achieved_gbps[t]), show_number(figure), tier.how,
               tier.source});
  }
  return table.text();
}

std::string money_lines(const Variant& variant, const Answer& answer) {
  std::string text;
  if (answer.joules_per_token > 0)
    text += fmt::format("energy         {} J per token at {} W ({})\n",
                        show_number(answer.joules_per_token),
                        show_number(variant.machine.power_watts), variant.machine.power_source);
  if (answer.usd_per_million_tokens > 0)
    text += fmt::format(
        "cost           {} USD per million tokens: {} USD over {} years of full use ({})\n",
        show_number(answer.usd_per_million_tokens), show_number(variant.machine.price_usd),
        wall::kServiceYears, variant.machine.price_source);
  return text;
}

std::string fit_lines(const wall::Sweep& swept, const Variant& variant, const Answer& answer) {
  const wall::Fit& fit = variant.fit;
  if (swept.model.size_only)
    return fmt::format("fits           {} of {} GB, weights alone\n",
                       show_gigabytes(answer.needed_bytes), show_gigabytes(answer.capacity_bytes));
  const auto limited = [](double value, double most) {
    return (value >= most ? "at least " : "") + show_tokens(value);
  };
  std::string text = fmt::format(
      "fits           {} of {} GB; context up to {} at batch {}, batch up to {} at context {}\n",
      show_gigabytes(answer.needed_bytes), show_gigabytes(answer.capacity_bytes),
      limited(fit.largest_context, wall::kLongestContext), answer.batch,
      limited(fit.largest_batch, wall::kLargestBatch), show_tokens(answer.context));
  if (fit.kv_as_large_as_weights > 0)
    text += fmt::format("KV             outgrows the weights a step reads at context {}\n",
                        show_tokens(fit.kv_as_large_as_weights));
  return text;
}

std::string one_point(const wall::Sweep& swept, const wall::FittedConstants& constants) {
  const Variant& variant = swept.variants.front();
  const Answer& answer = variant.answers.front();
  std::string text = fmt::format("{} {}, KV {}, on {}, context {}, batch {}\n", swept.model.name,
                                 swept.model.weight_format, swept.model.kv_format,
                                 machine_name(variant), show_tokens(answer.context), answer.batch);
  text += fmt::format("speed          {}\n", show_estimate(answer.tokens_per_second, "tokens/s"));
  text += fmt::format("first token    {}, prompt of {} tokens, bound by {}\n",
                      show_estimate(answer.first_token_seconds, "s"), show_tokens(answer.context),
                      show_bound(answer.prompt));
  text += fmt::format(
      "bound          {}: reads {}, arithmetic {}, starts and latency {}\n",
      show_bound(answer.step), show_milliseconds(answer.step.memory_seconds),
      variant.machine.flops > 0 ? show_milliseconds(answer.step.compute_seconds) : "not known",
      show_milliseconds(answer.step.start_seconds));
  text += fit_lines(swept, variant, answer) + money_lines(variant, answer);
  if (variant.machine.flops <= 0)
    text += "note           no compute figure: the first token's time is a lower bound\n";
  if (swept.model.size_only)
    text += "note           no public shape: KV is not counted, speeds are an upper bound\n";
  text += "\n" + class_table(variant, answer) + "\n" + tier_table(variant, answer);
  return text +
         fmt::format(
             "\nPredicted; four of five cases fall into the intervals. Model: {}. Predictor: "
             "{}, {:.1f} % mean error on hardware left out.\n",
             swept.model.source, count_of(constants.points, "point"),
             constants.left_out_error * 100);
}

std::string sweep_table(const wall::Sweep& swept) {
  TextTable table({{"machine"},
                   {"context", Align::kRight},
                   {"batch", Align::kRight},
                   {"tokens/s", Align::kRight},
                   {"from", Align::kRight},
                   {"to", Align::kRight},
                   {"first token s", Align::kRight},
                   {"GB", Align::kRight},
                   {"bound"}});
  for (const Variant& variant : swept.variants) {
    for (const Answer& answer : variant.answers) {
      std::vector<std::string> row = {machine_name(variant), show_tokens(answer.context),
                                      fmt::format("{}", answer.batch)};
      const wall::Estimate& speed = answer.tokens_per_second;
      if (answer.fits) {
        for (const double value : {speed.value, speed.low, speed.high})
          row.push_back(show_number(value));
        row.push_back(show_number(answer.first_token_seconds.value));
      } else {
        row.insert(row.end(), 4, "-");
      }
      row.push_back(show_gigabytes(answer.needed_bytes));
      row.push_back(answer.fits ? show_bound(answer.step) : "does not fit");
      table.add(row);
    }
  }
  return table.text();
}

std::string service_seconds(const wall::Service& service) {
  return service.fits ? show_number(service.whole_seconds) : "does not fit";
}

std::string service_price(const wall::Service& service) {
  return service.fits && service.usd >= 0 ? show_number(service.usd * 1e3) : "-";
}

}  // namespace

std::string show_number(double value) {
  if (value == 0) return "0";
  const double size = std::abs(value);
  if (size >= 1e7 || size < 1e-4) return fmt::format("{:.2e}", value);
  if (size >= 100) return fmt::format("{:.0f}", value);
  return fmt::format("{:.3g}", value);
}

std::string show_tokens(double tokens) {
  const auto whole = static_cast<std::uint64_t>(tokens);
  if (whole >= (1u << 20) && whole % (1u << 20) == 0) return fmt::format("{}M", whole >> 20);
  if (whole >= 1024 && whole % 1024 == 0) return fmt::format("{}k", whole >> 10);
  return fmt::format("{}", whole);
}

std::string sweep_as_text(const wall::Sweep& swept, const wall::FittedConstants& constants) {
  const bool single = swept.variants.size() == 1 && swept.variants.front().answers.size() == 1;
  if (single) return one_point(swept, constants);
  std::string text = fmt::format("{} {}, KV {}\n\n", swept.model.name, swept.model.weight_format,
                                 swept.model.kv_format);
  text += sweep_table(swept);
  const double crossing = swept.variants.back().fit.kv_as_large_as_weights;
  if (crossing > 0)
    text += fmt::format("\nA step reads as much KV as weights from context {} on (batch {}).\n",
                        show_tokens(crossing), swept.ranges.batches.front());
  return text;
}

std::string comparison_as_text(const std::vector<wall::Sweep>& swept) {
  const std::string first = swept[0].variants.front().machine.name;
  const std::string second = swept[1].variants.front().machine.name;
  TextTable table({{"CXL", Align::kRight},
                   {"context", Align::kRight},
                   {"batch", Align::kRight},
                   {first, Align::kRight},
                   {second, Align::kRight},
                   {"ratio", Align::kRight},
                   {first + " bound"},
                   {second + " bound"}});
  for (std::size_t v = 0; v < swept[0].variants.size(); ++v) {
    for (std::size_t i = 0; i < swept[0].variants[v].answers.size(); ++i) {
      const Answer& a = swept[0].variants[v].answers[i];
      const Answer& b = swept[1].variants[v].answers[i];
      const auto speed = [](const Answer& answer) {
        return answer.fits ? show_number(answer.tokens_per_second.value) : "does not fit";
      };
      const bool both = a.fits && b.fits;
      table.add({fmt::format("{}", a.cxl_devices), show_tokens(a.context),
                 fmt::format("{}", a.batch), speed(a), speed(b),
                 both ? show_number(b.tokens_per_second.value / a.tokens_per_second.value) : "-",
                 a.fits ? show_bound(a.step) : "", b.fits ? show_bound(b.step) : ""});
    }
  }
  return fmt::format("{} {}, KV {}; tokens/s\n\n", swept[0].model.name,
                     swept[0].model.weight_format, swept[0].model.kv_format) +
         table.text();
}

std::string edge_as_text(const std::vector<wall::EdgeRow>& rows) {
  TextTable table({{"prompt", Align::kRight},
                   {"answer", Align::kRight},
                   {"device s", Align::kRight},
                   {"cloud s", Align::kRight},
                   {"sooner"},
                   {"device first s", Align::kRight},
                   {"cloud first s", Align::kRight},
                   {"device USD/1000", Align::kRight},
                   {"cloud USD/1000", Align::kRight},
                   {"cheaper"},
                   {"turns at answer of", Align::kRight}});
  const auto first = [](const wall::Service& service) {
    return service.fits ? show_number(service.first_token_seconds) : "-";
  };
  for (const wall::EdgeRow& row : rows) {
    table.add({show_tokens(row.request.prompt), show_tokens(row.request.output),
               service_seconds(row.device), service_seconds(row.cloud), wall::name_of(row.sooner),
               first(row.device), first(row.cloud), service_price(row.device),
               service_price(row.cloud), wall::name_of(row.cheaper),
               row.crossover_output > 0 ? show_tokens(row.crossover_output) : "-"});
  }
  return table.text();
}

std::string sizes_as_text(const std::vector<wall::Sized>& sizes,
                          const std::vector<wall::Candidate>& candidates) {
  TextTable table({{"machine"},
                   {"USD", Align::kRight},
                   {"W", Align::kRight},
                   {"tokens/s each", Align::kRight},
                   {"GB needed", Align::kRight},
                   {"GB there", Align::kRight},
                   {"reaches"},
                   {"bound"}});
  std::set<std::string> shown;
  for (const wall::Sized& sized : sizes) {
    const wall::WallMachine& machine = candidates[sized.candidate].machine;
    const Answer& answer = sized.answer;
    // The first of a machine's counts of expanders is the one to take.
    if (!shown.insert(machine.name).second) continue;
    table.add({answer.cxl_devices > 0 ? fmt::format("{} + {} CXL", machine.name, answer.cxl_devices)
                                      : machine.name,
               machine.price_usd > 0 ? show_number(machine.price_usd) : "not known",
               machine.power_watts > 0 ? show_number(machine.power_watts) : "not known",
               answer.fits ? show_number(sized.tokens_per_second_each) : "-",
               show_gigabytes(answer.needed_bytes), show_gigabytes(answer.capacity_bytes),
               sized.reaches ? "yes" : "no, lacks " + sized.lacks,
               answer.fits ? show_bound(answer.step) : ""});
  }
  return table.text();
}

std::string validation_as_text(const wall::Validation& validation) {
  TextTable table({{"point"},
                   {"measured", Align::kRight},
                   {"predicted", Align::kRight},
                   {"error", Align::kRight}});
  for (const wall::PointError& point : validation.points)
    table.add({point.label, show_number(point.measured), show_number(point.predicted),
               fmt::format("{:+.1f} %", point.error() * 100)});
  return table.text() + fmt::format("\nmean absolute error {:.1f} % over {}\n",
                                    validation.mean_absolute_error * 100,
                                    count_of(validation.points.size(), "point"));
}

}  // namespace terrace::cli
