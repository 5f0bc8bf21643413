// SPDX-License-Identifier: Apache-2.0
#include "profiler/report/heat_bar.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "profiler/report/totals.h"

namespace terrace::report {
namespace {

constexpr std::array<const char*, 9> kUnicode = {"·", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
constexpr std::array<const char*, 9> kAscii = {".", "1", "2", "3", "4", "5", "6", "7", "8"};

// Of blocks [first, last), by length.
double mean_passes(const heat::ObjectHeat& object, std::size_t first, std::size_t last) {
  double bytes = 0;
  double rate = 0;
  for (std::size_t block = first; block < last; ++block) {
    bytes += block_bytes(object, block);
    rate += object.block_bytes_per_second[block];
  }
  return bytes > 0 ? rate / bytes : 0;
}

std::size_t level_of(double passes, double full) {
  if (passes <= 0 || full <= 0) return 0;
  return static_cast<std::size_t>(std::clamp(std::lround(passes / full * 8), 1L, 8L));
}

}  // namespace

double hottest_passes_per_second(const heat::HeatMap& map) {
  double hottest = 0;
  for (const heat::ObjectHeat& object : map.objects) {
    for (std::size_t block = 0; block < object.block_bytes_per_second.size(); ++block) {
      hottest = std::max(hottest, mean_passes(object, block, block + 1));
    }
  }
  return hottest;
}

std::string heat_bar(const heat::ObjectHeat& object, double full_passes_per_second,
                     std::size_t width, Glyphs glyphs) {
  const std::size_t blocks = object.block_bytes_per_second.size();
  const std::size_t cells = std::min(width, blocks);
  std::string bar;
  for (std::size_t cell = 0; cell < cells; ++cell) {
    const double passes = mean_passes(object, cell * blocks / cells, (cell + 1) * blocks / cells);
    const std::size_t level = level_of(passes, full_passes_per_second);
    bar += glyphs == Glyphs::kUnicode ? kUnicode[level] : kAscii[level];
  }
  return bar;
}

}  // namespace terrace::report
