// SPDX-License-Identifier: Apache-2.0
#include "tiering/wall/fit_decode.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "tiering/wall/minimise.h"

namespace terrace::wall {
namespace {

// The fit works on logits of the shares and logarithms of the rest, so that every value is legal.
// Order: hidden share, unpacking share, knee, layer time.
constexpr std::size_t kConstants = 4;
// Middle of what is physically plausible: 0.77 and 0.5 of nominal bandwidth; a knee at 1 TB/s,
// since nothing slower shows one and HBM processors' measured bandwidths (833 to 943 GB/s) stay
// below it; 55 us a layer, a dozen kernel starts.
constexpr std::array<double, kConstants> kPrior = {1.2, 0.0, 6.9, 4.0};
// Pull towards the prior, in units of the loss for one squared unit of the transformed value. The
// knee is held most firmly: one piece of hardware alone speaks about it.
constexpr std::array<double, kConstants> kPull = {1e-3, 1e-3, 3e-2, 1e-2};
// Errors below this count by their square, above by their size: one odd machine must not bend all.
constexpr double kRoundedBelow = 0.1;
constexpr double kNoKnee = 1e9;
constexpr double kSpreadCovers = 0.8;

DecodeFit constants_from(const std::vector<double>& x, Form form) {
  const auto share = [](double logit) { return 1 / (1 + std::exp(-logit)); };
  DecodeFit fit;
  fit.hidden_share = share(x[0]);
  fit.unpacking_share = form == Form::kOneShare ? fit.hidden_share : share(x[1]);
  fit.knee_gbps = form == Form::kFull ? std::exp(x[2]) : kNoKnee;
  fit.layer_seconds = form >= Form::kLayers ? std::exp(x[3]) * 1e-6 : 0;
  return fit;
}

double loss_of(const std::vector<SpeedPoint>& points, const std::vector<double>& x, Form form) {
  const DecodeFit fit = constants_from(x, form);
  double loss = 0;
  for (const SpeedPoint& point : points) {
    const double predicted = 1 / decode_seconds(fit, point.demand);
    const double error = (predicted / point.tokens_per_second - 1) / kRoundedBelow;
    loss += kRoundedBelow * kRoundedBelow * (std::sqrt(1 + error * error) - 1);
  }
  for (std::size_t i = 0; i < kConstants; ++i)
    loss += kPull[i] * (x[i] - kPrior[i]) * (x[i] - kPrior[i]);
  return loss;
}

void summarise(Validation& validation) {
  double sum = 0;
  for (std::size_t i = 0; i < validation.points.size(); ++i) {
    const double error = std::abs(validation.points[i].error());
    sum += error;
    if (error > std::abs(validation.points[validation.worst].error())) validation.worst = i;
  }
  if (!validation.points.empty())
    validation.mean_absolute_error = sum / static_cast<double>(validation.points.size());
}

void add_errors(Validation& validation, const std::vector<SpeedPoint>& points,
                const DecodeFit& fit) {
  for (const SpeedPoint& point : points) {
    validation.points.push_back(
        {point.label, point.tokens_per_second, 1 / decode_seconds(fit, point.demand)});
  }
}

}  // namespace

const char* name_of(Form form) {
  switch (form) {
    case Form::kOneShare:
      return "one-share";
    case Form::kTwoShares:
      return "two-shares";
    case Form::kLayers:
      return "layers";
    case Form::kFull:
      return "full";
  }
  return "unknown";
}

std::vector<Form> all_forms() {
  return {Form::kOneShare, Form::kTwoShares, Form::kLayers, Form::kFull};
}

DecodeFit fit_decode(const std::vector<SpeedPoint>& points, Form form) {
  const Objective objective = [&](const std::vector<double>& x) {
    return loss_of(points, x, form);
  };
  return constants_from(minimise(objective, {kPrior.begin(), kPrior.end()}), form);
}

Validation validate(const std::vector<SpeedPoint>& points, const DecodeFit& fit) {
  Validation validation;
  add_errors(validation, points, fit);
  summarise(validation);
  return validation;
}

Result<Validation> validate_left_out(const std::vector<SpeedPoint>& points, Form form) {
  std::set<std::string> kinds;
  for (const SpeedPoint& point : points) kinds.insert(point.hardware);
  if (kinds.size() < 2) {
    return make_error(ErrorCode::kUsage, 0,
                      "leaving hardware out needs points of at least two kinds; there %s %zu",
                      kinds.size() == 1 ? "is" : "are", kinds.size());
  }
  Validation validation;
  for (const std::string& hardware : kinds) {
    std::vector<SpeedPoint> left_out;
    std::vector<SpeedPoint> others;
    for (const SpeedPoint& point : points)
      (point.hardware == hardware ? left_out : others).push_back(point);
    add_errors(validation, left_out, fit_decode(others, form));
  }
  summarise(validation);
  return validation;
}

double spread_of(const Validation& validation) {
  std::vector<double> factors;
  for (const PointError& point : validation.points)
    factors.push_back(std::exp(std::abs(std::log(point.predicted / point.measured))));
  if (factors.empty()) return 1;
  std::sort(factors.begin(), factors.end());
  const auto last = static_cast<double>(factors.size() - 1);
  return factors[static_cast<std::size_t>(std::ceil(last * kSpreadCovers))];
}

}  // namespace terrace::wall
