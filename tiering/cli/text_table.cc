// SPDX-License-Identifier: Apache-2.0
#include "tiering/cli/text_table.h"

#include <algorithm>

#include <fmt/format.h>

namespace terrace::cli {
namespace {

/// Characters, not bytes, so that a name in UTF-8 does not shift its row.
std::size_t width_of(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

std::string cell(const std::string& text, std::size_t width, Align align) {
  const std::string fill(width - width_of(text), ' ');
  return align == Align::kRight ? fill + text : text + fill;
}

}  // namespace

void TextTable::add(std::vector<std::string> row) {
  row.resize(columns_.size());
  rows_.push_back(std::move(row));
}

std::string TextTable::text() const {
  std::vector<std::vector<std::string>> lines(1);
  for (const Column& column : columns_) lines[0].push_back(column.title);
  lines.insert(lines.end(), rows_.begin(), rows_.end());
  std::vector<std::size_t> widths(columns_.size());
  for (const auto& line : lines) {
    for (std::size_t i = 0; i < line.size(); ++i)
      widths[i] = std::max(widths[i], width_of(line[i]));
  }
  std::string text;
  for (const auto& line : lines) {
    std::string whole;
    for (std::size_t i = 0; i < line.size(); ++i)
      whole += (i == 0 ? "" : "  ") + cell(line[i], widths[i], columns_[i].align);
    whole.erase(whole.find_last_not_of(' ') + 1);
    text += whole + "\n";
  }
  return text;
}

std::string show_milliseconds(double seconds) {
  const double value = seconds * 1e3;
  return fmt::format("{:.{}f} ms", value, value < 10 ? 3 : value < 100 ? 2 : 1);
}

std::string show_share(double share) {
  return fmt::format("{:.1f} %", share * 100);
}

}  // namespace terrace::cli
