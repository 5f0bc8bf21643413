// SPDX-License-Identifier: Apache-2.0
// What `terrace top` shows, as lines for a screen of any size: tiers, hottest or largest objects,
// moves and messages. The verb draws them on a screen of top_screen.h or prints them.
// Pure functions: thread-safe; allocate.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace terrace::cli {

struct ScreenSize {
  std::size_t columns = 80;
  std::size_t rows = 24;
};

enum class Letters : std::uint8_t {
  kUtf8,
  kAscii,  ///< others become '?'
};

struct TopLayout {
  ScreenSize size;
  Letters letters = Letters::kAscii;
  std::string notice;  ///< why the document is old; empty: it is not
  std::string footer;  ///< on the last row, when there is room for it
};

struct TopLine {
  enum class Look : std::uint8_t { kPlain, kTitle, kWarning };
  std::string text;
  Look look = Look::kPlain;
};

/// At most size.rows lines of at most size.columns letters, without control characters. `document`
/// is of top_document().
std::vector<TopLine> top_lines(const nlohmann::ordered_json& document, const TopLayout& layout);

}  // namespace terrace::cli
