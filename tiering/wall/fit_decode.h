// SPDX-License-Identifier: Apache-2.0
// Fits the predictor's constants to published decode speeds and says how well they hold on
// hardware that the fit has not seen. Used by `terrace wall validate` and to make
// tiering/model/catalogue/predictor/decode.toml. Deterministic; thread-safe; allocates.
#pragma once

#include <string>
#include <vector>

#include <terrace/result.h>

#include "tiering/wall/decode_fit.h"

namespace terrace::wall {

/// A measured speed with what the model says about its load.
struct SpeedPoint {
  std::string hardware;  ///< points of one hardware are left out together
  std::string label;     ///< for people: hardware, model, format, context
  DecodeDemand demand;
  double tokens_per_second = 0;
};

/// How much of the formula is used. Each form is the next one with a constant tied down, so that
/// their errors can be compared.
enum class Form : std::uint8_t {
  kOneShare = 0,   ///< bytes / (share * peak)
  kTwoShares = 1,  ///< and a share of its own where unpacking slows the reads
  kLayers = 2,     ///< and a time for each layer
  kFull = 3,       ///< and the knee; this is the predictor
};
const char* name_of(Form form);
std::vector<Form> all_forms();

/// Least sum of |predicted / measured - 1|, rounded off below 10 %, with a weak pull towards the
/// prior. The spread is left 0.
DecodeFit fit_decode(const std::vector<SpeedPoint>& points, Form form);

struct PointError {
  std::string label;
  double measured = 0;   ///< tokens a second
  double predicted = 0;  ///< tokens a second
  double error() const { return predicted / measured - 1; }
};

struct Validation {
  std::vector<PointError> points;
  double mean_absolute_error = 0;  ///< of predicted / measured - 1
  std::size_t worst = 0;           ///< index into points
};

Validation validate(const std::vector<SpeedPoint>& points, const DecodeFit& fit);

/// Each hardware's points predicted by a fit to all the others. Error kUsage: fewer than two kinds
/// of hardware.
Result<Validation> validate_left_out(const std::vector<SpeedPoint>& points, Form form);

/// The factor that four fifths of the errors stay within, in either direction.
double spread_of(const Validation& validation);

}  // namespace terrace::wall
