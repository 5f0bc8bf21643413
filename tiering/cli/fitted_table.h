// SPDX-License-Identifier: Apache-2.0
// A table for a screen of given width: columns of least importance go when there is no room for
// all, and what is left over goes to the last one. Used by `terrace top`. Thread-safe when not
// shared for writing; allocates.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "tiering/cli/text_table.h"

namespace terrace::cli {

class FittedTable {
 public:
  struct Column {
    std::string title;
    Align align = Align::kLeft;
    int importance = 0;      ///< the lowest goes first; the first column never goes
    std::size_t most = 999;  ///< letters of it that are shown
  };

  explicit FittedTable(std::vector<Column> columns) : columns_(std::move(columns)) {}

  /// One text for each column: UTF-8 without control characters.
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }

  /// The titles and then the rows, each at most `width` columns wide.
  std::vector<std::string> lines(std::size_t width) const;

 private:
  std::vector<std::size_t> kept_columns(const std::vector<std::size_t>& widths,
                                        std::size_t width) const;

  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace terrace::cli
