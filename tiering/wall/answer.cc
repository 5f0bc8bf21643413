// SPDX-License-Identifier: Apache-2.0
#include "tiering/wall/answer.h"

#include <cmath>

namespace terrace::wall {
namespace {

constexpr double kSecondsInYear = 365.25 * 86400;

Assumptions assumptions_from(const FittedConstants& constants, const ModelLoads& model) {
  return {model.family, constants.compute_share, constants.compute_spread};
}

Estimate rate_of(double items, const StepPrediction& step) {
  return {items / step.seconds, items / step.high_seconds, items / step.low_seconds};
}

/// The largest whole number from 1 to `most` for which `holds`, which is true up to some number and
/// false above it; 0 when it is false for 1.
template <typename Holds>
Result<double> largest(double most, const Holds& holds) {
  double good = 0;
  double bad = most + 1;
  for (double probe = 1; probe < bad; probe *= 2) {
    const Result<bool> held = holds(probe);
    if (!held.ok()) return held.error();
    if (!*held) {
      bad = probe;
      break;
    }
    good = probe;
  }
  while (bad - good > 1) {
    const double middle = std::floor((good + bad) / 2);
    const Result<bool> held = holds(middle);
    if (!held.ok()) return held.error();
    (*held ? good : bad) = middle;
  }
  return good;
}

Result<double> kv_crossing(const ModelLoads& model, double batch) {
  const auto smaller = [&](double context) -> Result<bool> {
    const Result<WallLoad> load = model.decode(context, batch);
    if (!load.ok()) return load.error();
    const double kv = load->read_of("kv");
    return kv < load->read_of("weights") + load->read_of("experts");
  };
  const Result<double> last = largest(kLongestContext, smaller);
  if (!last.ok()) return last.error();
  return *last >= kLongestContext ? 0 : *last + 1;
}

void add_money_and_energy(const WallMachine& machine, Answer& answer) {
  const double speed = answer.tokens_per_second.value;
  if (machine.power_watts > 0) answer.joules_per_token = machine.power_watts / speed;
  if (machine.price_usd > 0)
    answer.usd_per_million_tokens =
        machine.price_usd / (kServiceYears * kSecondsInYear) / speed * 1e6;
}

}  // namespace

double capacity_of(const WallMachine& machine) {
  double capacity = 0;
  for (const WallTier& tier : machine.tiers) capacity += tier.capacity_bytes;
  return capacity;
}

Result<Answer> answer_for(const FittedConstants& constants, const WallMachine& machine,
                          const ModelLoads& model, double context, double batch) {
  Result<WallLoad> load = model.decode(context, batch);
  if (!load.ok()) return load.error();
  Answer answer;
  answer.context = context;
  answer.batch = batch;
  answer.load = std::move(*load);
  answer.needed_bytes = answer.load.resident();
  answer.capacity_bytes = capacity_of(machine);
  answer.fits = answer.needed_bytes <= answer.capacity_bytes;
  if (!answer.fits) return answer;
  const Assumptions assumptions = assumptions_from(constants, model);
  Result<StepPrediction> step = predict_step(constants.fit, machine, answer.load, assumptions);
  if (!step.ok()) return step.error();
  answer.step = std::move(*step);
  answer.tokens_per_second = rate_of(batch, answer.step);
  const Result<WallLoad> prompt = model.prompt(context);
  if (!prompt.ok()) return prompt.error();
  Result<StepPrediction> read = predict_step(constants.fit, machine, *prompt, assumptions);
  if (!read.ok()) return read.error();
  answer.prompt = std::move(*read);
  answer.first_token_seconds = {answer.prompt.seconds, answer.prompt.low_seconds,
                                answer.prompt.high_seconds};
  add_money_and_energy(machine, answer);
  return answer;
}

Result<Fit> what_fits(const WallMachine& machine, const ModelLoads& model, double context,
                      double batch) {
  const double capacity = capacity_of(machine);
  const auto room = [&](double tokens, double sequences) -> Result<bool> {
    const Result<WallLoad> load = model.decode(tokens, sequences);
    if (!load.ok()) return load.error();
    return load->resident() <= capacity;
  };
  const Result<double> longest =
      largest(kLongestContext, [&](double tokens) { return room(tokens, batch); });
  if (!longest.ok()) return longest.error();
  const Result<double> most =
      largest(kLargestBatch, [&](double sequences) { return room(context, sequences); });
  if (!most.ok()) return most.error();
  const Result<double> crossing = kv_crossing(model, batch);
  if (!crossing.ok()) return crossing.error();
  return Fit{*longest, *most, *crossing};
}

Result<double> speed_on_one_tier(const FittedConstants& constants, const WallMachine& machine,
                                 std::size_t tier, const ModelLoads& model, double context,
                                 double batch) {
  const Result<WallLoad> load = model.decode(context, batch);
  if (!load.ok()) return load.error();
  WallMachine alone = machine;
  alone.tiers = {machine.tiers[tier]};
  alone.tiers[0].capacity_bytes = load->resident() + 1;
  alone.tiers[0].group = 0;
  const auto step = predict_step(constants.fit, alone, *load, assumptions_from(constants, model));
  if (!step.ok()) return step.error();
  return batch / step->seconds;
}

}  // namespace terrace::wall
