// SPDX-License-Identifier: Apache-2.0
#include "tiering/cli/fitted_table.h"

#include <algorithm>
#include <numeric>

#include "profiler/report/words.h"

namespace terrace::cli {
namespace {

constexpr std::size_t kGap = 2;

}  // namespace

std::vector<std::size_t> FittedTable::kept_columns(const std::vector<std::size_t>& widths,
                                                   std::size_t width) const {
  std::vector<std::size_t> kept(columns_.size());
  std::iota(kept.begin(), kept.end(), std::size_t{0});
  const auto total = [&] {
    std::size_t sum = 0;
    for (const std::size_t column : kept) sum += widths[column] + kGap;
    return sum - kGap;
  };
  while (kept.size() > 1 && total() > width) {
    const auto least =
        std::min_element(kept.begin() + 1, kept.end(), [this](std::size_t a, std::size_t b) {
          return columns_[a].importance < columns_[b].importance;
        });
    kept.erase(least);
  }
  return kept;
}

std::vector<std::string> FittedTable::lines(std::size_t width) const {
  // The last column is whatever is left, so that only a part of it has to fit.
  constexpr std::size_t kLeastOfLast = 8;
  std::vector<std::vector<std::string>> table(1);
  for (const Column& column : columns_) table.front().push_back(column.title);
  table.insert(table.end(), rows_.begin(), rows_.end());
  std::vector<std::size_t> widths(columns_.size());
  for (const std::vector<std::string>& row : table) {
    for (std::size_t i = 0; i < row.size() && i < widths.size(); ++i) {
      widths[i] = std::max(widths[i], std::min(report::columns(row[i]), columns_[i].most));
    }
  }
  const std::size_t last = columns_.size() - 1;
  widths[last] = std::min(widths[last], kLeastOfLast);
  const std::vector<std::size_t> kept = kept_columns(widths, width);
  std::vector<std::string> lines;
  for (const std::vector<std::string>& row : table) {
    std::string line;
    for (const std::size_t i : kept) {
      const std::string text = i < row.size() ? row[i] : "";
      if (i != kept.front()) line += std::string(kGap, ' ');
      const std::string cell = i == last ? text : report::fit(text, widths[i]);
      line += columns_[i].align == Align::kRight ? report::right(cell, widths[i])
              : i == last                        ? cell
                                                 : report::left(cell, widths[i]);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    lines.push_back(report::fit(line, width));
  }
  return lines;
}

}  // namespace terrace::cli
