// SPDX-License-Identifier: Apache-2.0
// Aligned columns for people, and figures as people read them. Used by the verbs' text output.
// Thread-safe when not shared; allocates.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace terrace::cli {

enum class Align : std::uint8_t { kLeft = 0, kRight = 1 };

class TextTable {
 public:
  struct Column {
    std::string title;
    Align align = Align::kLeft;
  };
  explicit TextTable(std::vector<Column> columns) : columns_(std::move(columns)) {}

  /// A row shorter than the columns is filled with blanks.
  void add(std::vector<std::string> row);
  /// Two blanks between columns, none at the lines' ends.
  std::string text() const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

std::string show_milliseconds(double seconds);  ///< "12.3 ms"
std::string show_share(double share);           ///< "12.3 %"

}  // namespace terrace::cli
