// SPDX-License-Identifier: Apache-2.0
#include "profiler/report/words.h"

#include <algorithm>
#include <cmath>
#include <cstdarg>
#include <cstdio>

namespace terrace::report {
namespace {

bool is_continuation(char c) {
  return (static_cast<unsigned char>(c) & 0xC0) == 0x80;
}

// Bytes of the well-formed UTF-8 sequence at `at`; 0 when there is none (Unicode 15, table 3-7).
std::size_t sequence_length(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) {
    return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0u;
  };
  const unsigned lead = byte(0);
  if (lead < 0x80) return 1;
  const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || at + length > text.size()) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if (!is_continuation(text[at + i])) return 0;
  }
  const unsigned second = byte(1);
  const bool overlong = (lead == 0xE0 && second < 0xA0) || (lead == 0xF0 && second < 0x90);
  const bool beyond = (lead == 0xED && second > 0x9F) || (lead == 0xF4 && second > 0x8F);
  return overlong || beyond ? 0 : length;
}

}  // namespace

std::string format(const char* pattern, ...) {
  char text[512];
  va_list arguments;
  va_start(arguments, pattern);
  const int length = std::vsnprintf(text, sizeof text, pattern, arguments);
  va_end(arguments);
  return {text, std::min(static_cast<std::size_t>(std::max(length, 0)), sizeof text - 1)};
}

std::string digits(double value) {
  const double size = std::fabs(value);
  if (size >= 100 || size == 0) return format("%.0f", value);
  if (size >= 10) return format("%.1f", value);
  return format(size >= 1 ? "%.2f" : "%.3f", value);
}

std::string percent(double share) {
  const double value = share * 100;
  return format(value >= 10 || value == 0 ? "%.0f %%" : "%.1f %%", value);
}

std::string printable(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = sequence_length(text, at);
    const auto lead = static_cast<unsigned char>(text[at]);
    // U+0080..U+009F are control characters too: terminals take U+009B as an escape.
    const bool control = length == 0 || lead < 0x20 || lead == 0x7F ||
                         (lead == 0xC2 && static_cast<unsigned char>(text[at + 1]) < 0xA0);
    out += control ? "?" : text.substr(at, length);
    at += std::max<std::size_t>(length, 1);
  }
  return out;
}

std::size_t columns(std::string_view text) {
  return text.size() -
         static_cast<std::size_t>(std::count_if(text.begin(), text.end(), is_continuation));
}

std::string fit(std::string_view text, std::size_t width) {
  if (columns(text) <= width) return std::string(text);
  if (width < 2) return std::string(width, '~');
  std::size_t end = 0;
  for (std::size_t taken = 0; taken + 2 < width; ++taken) {
    ++end;
    while (end < text.size() && is_continuation(text[end])) ++end;
  }
  return std::string(text.substr(0, end)) + "..";
}

std::string line_of(std::string_view text, std::size_t width) {
  std::string line = fit(text, width);
  line.erase(line.find_last_not_of(' ') + 1);
  return line + "\n";
}

std::string left(std::string_view text, std::size_t width) {
  std::string out = fit(text, width);
  return out + std::string(width - columns(out), ' ');
}

std::string right(std::string_view text, std::size_t width) {
  const std::string out = fit(text, width);
  return std::string(width - columns(out), ' ') + out;
}

}  // namespace terrace::report
