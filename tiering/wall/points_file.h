// SPDX-License-Identifier: Apache-2.0
// Reads a file of published decode speeds: CSV with the columns hardware, peak_gbps, model, quant,
// gib, context, tok_s, source in any order; lines that begin with '#' and empty ones are skipped.
// gib and context may be empty. Thread-safe; allocates.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <terrace/result.h>

namespace terrace::wall {

struct PointRow {
  std::size_t line = 0;  ///< in its file, from 1
  std::string hardware;
  double peak_gbps = 0;  ///< nominal bandwidth of the memory that holds the weights
  std::string model;
  std::string quant;
  double file_gib = 0;  ///< size of the model's file; 0: not given
  double context = 0;   ///< tokens; 0: not given
  double tokens_per_second = 0;
  std::string source;
};

/// Errors are kUsage and begin with "name:line: ".
Result<std::vector<PointRow>> parse_points(std::string_view text, const std::string& name);

/// Error kIo when the file cannot be read.
Result<std::vector<PointRow>> read_points(const std::string& path);

}  // namespace terrace::wall
