// SPDX-License-Identifier: Apache-2.0
#include "profiler/report/heat_text.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "profiler/report/words.h"

namespace terrace::report {
namespace {

constexpr int kDecades = 3;
constexpr std::size_t kLabelWidth = 28;
constexpr std::size_t kTierWidth = 12;
constexpr std::size_t kLevels = 5;
constexpr std::array<const char*, kLevels> kUnicode = {"·", "░", "▒", "▓", "█"};
constexpr std::array<const char*, kLevels> kAscii = {".", ":", "o", "O", "#"};
/// Of the 256 colours of xterm, along viridis: dark violet to yellow.
constexpr std::array<int, kLevels> kColours = {240, 61, 31, 77, 226};

/// 0: not touched.
std::size_t level_of(double rate, double hottest) {
  if (!(rate > 0) || !(hottest > 0)) return 0;
  const double share = 1 + std::log10(rate / hottest) / kDecades;
  const double level = std::ceil(share * static_cast<double>(kLevels - 1));
  return static_cast<std::size_t>(std::clamp(level, 1.0, static_cast<double>(kLevels - 1)));
}

std::string cell(double rate, double hottest, const ReportOptions& options) {
  if (rate < 0) return " ";
  const std::size_t level = level_of(rate, hottest);
  const char* const glyph = options.glyphs == Glyphs::kUnicode ? kUnicode[level] : kAscii[level];
  if (options.colours == Colours::kNone) return glyph;
  return format("\x1b[38;5;%dm%s\x1b[0m", kColours[level], glyph);
}

/// The mean of the observed columns in [first, last); negative when there is none.
double mean_of(const std::vector<double>& rates, std::size_t first, std::size_t last) {
  double sum = 0;
  std::size_t seen = 0;
  for (std::size_t c = first; c < last; ++c) {
    if (rates[c] < 0) continue;
    sum += rates[c];
    ++seen;
  }
  return seen == 0 ? -1 : sum / static_cast<double>(seen);
}

std::string main_tier(const GridRow& row, const std::vector<Tier>& tiers) {
  const auto most = std::max_element(row.tier_bytes.begin(), row.tier_bytes.end());
  if (most == row.tier_bytes.end() || *most <= 0) return "-";
  return printable(tiers[static_cast<std::size_t>(most - row.tier_bytes.begin())].name);
}

}  // namespace

std::string render_heat_text(const HeatGrid& grid, const std::vector<Tier>& tiers,
                             const ReportOptions& options) {
  const auto width = static_cast<std::size_t>(std::max(options.width, 60));
  const std::size_t cells = std::min(grid.columns, width - kLabelWidth - kTierWidth - 2);
  double hottest = 0;
  for (const GridRow& row : grid.rows) {
    for (const double rate : row.bytes_per_second) hottest = std::max(hottest, rate);
  }
  std::string text = left("heat over time", kLabelWidth) + " " +
                     left(format("0 to %s s", digits(grid.seconds).c_str()), cells) + " tier\n";
  for (const GridRow& row : grid.rows) {
    text += left(fit(row.label, kLabelWidth), kLabelWidth) + " ";
    for (std::size_t c = 0; c < cells; ++c) {
      const std::size_t first = c * grid.columns / cells;
      const std::size_t last = (c + 1) * grid.columns / cells;
      text += cell(mean_of(row.bytes_per_second, first, last), hottest, options);
    }
    text += " " + fit(main_tier(row, tiers), kTierWidth) + "\n";
  }
  const bool unicode = options.glyphs == Glyphs::kUnicode;
  text += format("%s none %s %s %s %s to %s GB/s, each a factor of %s; blank: not observed\n",
                 unicode ? kUnicode[0] : kAscii[0], unicode ? kUnicode[1] : kAscii[1],
                 unicode ? kUnicode[2] : kAscii[2], unicode ? kUnicode[3] : kAscii[3],
                 unicode ? kUnicode[4] : kAscii[4], digits(hottest / 1e9).c_str(),
                 digits(std::pow(10.0, kDecades / static_cast<double>(kLevels - 1))).c_str());
  return text;
}

}  // namespace terrace::report
