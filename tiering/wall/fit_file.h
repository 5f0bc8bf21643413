// SPDX-License-Identifier: Apache-2.0
// The fitted constants as the catalogue keeps them (predictor/decode.toml): each with what it is,
// the points that it was fitted to, and how it does on hardware left out. Thread-safe; allocates.
#pragma once

#include <string>
#include <string_view>

#include <terrace/result.h>

#include "tiering/wall/decode_fit.h"

namespace terrace::wall {

struct FittedConstants {
  DecodeFit fit;
  double left_out_error = 0;  ///< mean absolute error on hardware left out of the fit
  std::size_t points = 0;
  std::string source;          ///< of the points
  std::string how;             ///< how the constants were got
  double compute_share = 0.5;  ///< of nominal flops, for prompts and large batches
  double compute_spread = 2;   ///< factor of doubt about it
  std::string compute_source;
};

/// Errors are kUsage and begin with "name:line: ": a key that is missing, unknown or out of range.
Result<FittedConstants> parse_constants(std::string_view text, const std::string& name);

/// Error kIo when the file cannot be read.
Result<FittedConstants> read_constants(const std::string& path);

/// The file's text; what `terrace wall validate --refit` prints.
std::string constants_as_toml(const FittedConstants& constants);

}  // namespace terrace::wall
