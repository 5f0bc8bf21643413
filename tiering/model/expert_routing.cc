// SPDX-License-Identifier: Apache-2.0
// Which routed experts a batch touches (decode_load.h).
#include <algorithm>
#include <cmath>

#include "tiering/model/decode_load.h"

namespace terrace::model {
namespace {

std::vector<double> popularity(std::uint64_t experts, double exponent) {
  std::vector<double> weights(experts);
  for (std::uint64_t k = 0; k < experts; ++k) {
    weights[k] = std::pow(static_cast<double>(k + 1), -exponent);
  }
  return weights;
}

double sum_chosen(const std::vector<double>& weights, double time) {
  double sum = 0;
  for (const double weight : weights) sum += -std::expm1(-weight * time);
  return sum;
}

}  // namespace

// Choosing without repetition in proportion to weights w is a race of exponential clocks of rates
// w; an expert is in when its clock rings before the time t at which `active` have rung. With t at
// its expected place, p = 1 - exp(-w t), where t makes the p sum to `active` (Rosen 1972,
// asymptotic theory for successive sampling). Exact for equal weights.
std::vector<double> expert_probabilities(const MixtureShape& mixture, RoutingSkew skew) {
  const auto active = static_cast<double>(mixture.active);
  const std::vector<double> weights = popularity(mixture.experts, skew.exponent);
  if (mixture.active >= mixture.experts) return std::vector<double>(mixture.experts, 1.0);
  double low = 0;
  double high = 1;
  while (sum_chosen(weights, high) < active && high < 1e300) high *= 2;
  for (int i = 0; i < 200 && high - low > 1e-15 * high; ++i) {
    const double middle = low + (high - low) / 2;
    (sum_chosen(weights, middle) < active ? low : high) = middle;
  }
  std::vector<double> probabilities;
  for (const double weight : weights) probabilities.push_back(-std::expm1(-weight * high));
  return probabilities;
}

double expected_distinct_experts(const MixtureShape& mixture, RoutingSkew skew,
                                 std::uint64_t tokens) {
  double sum = 0;
  for (const double probability : expert_probabilities(mixture, skew)) {
    // 1 - (1 - p)^tokens, exact for small p and many tokens.
    sum +=
        probability >= 1 ? 1 : -std::expm1(static_cast<double>(tokens) * std::log1p(-probability));
  }
  return tokens == 0 ? 0 : sum;
}

}  // namespace terrace::model
