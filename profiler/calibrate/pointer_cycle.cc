// SPDX-License-Identifier: Apache-2.0
#include "profiler/calibrate/pointer_cycle.h"

#include <cstring>
#include <numeric>
#include <random>
#include <utility>
#include <vector>

namespace terrace::calibrate {

void build_pointer_cycle(std::byte* lines_at, std::size_t lines, std::uint64_t seed) {
  std::vector<std::uint32_t> next(lines);
  std::iota(next.begin(), next.end(), 0u);
  std::mt19937_64 random(seed);
  for (std::size_t last = lines - 1; last > 0; --last) std::swap(next[last], next[random() % last]);
  for (std::size_t line = 0; line < lines; ++line) {
    const std::uint64_t target = next[line];
    std::memcpy(lines_at + line * kLineBytes, &target, sizeof target);
  }
}

std::uint64_t chase(const std::byte* lines_at, std::uint64_t line, std::size_t steps) {
  for (std::size_t step = 0; step < steps; ++step)
    std::memcpy(&line, lines_at + line * kLineBytes, sizeof line);
  return line;
}

}  // namespace terrace::calibrate
