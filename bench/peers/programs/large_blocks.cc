// SPDX-License-Identifier: Apache-2.0
// Programs whose blocks are large enough to become objects under Terrace: what an engine does while
// it loads (staging buffers) and what containers do while they grow.
#include <cstdlib>
#include <cstring>

#include "bench/peers/programs/program.h"

namespace terrace::peers {
namespace {

constexpr std::size_t kMiB = std::size_t{1} << 20;

}  // namespace

std::uint64_t growing_arrays() {
  std::uint64_t sum = 0;
  for (int round = 0; round < 20; ++round) {
    std::size_t capacity = 1024;
    std::size_t used = 0;
    auto* array = static_cast<std::uint64_t*>(std::malloc(capacity * sizeof(std::uint64_t)));
    while (used < 8 * kMiB) {
      if (used == capacity) {
        capacity += capacity / 2;
        array = static_cast<std::uint64_t*>(std::realloc(array, capacity * sizeof(std::uint64_t)));
      }
      array[used] = used * 3;
      ++used;
    }
    for (std::size_t i = 0; i < used; i += 511) sum += array[i];
    std::free(array);
  }
  return sum;
}

std::uint64_t staging() {
  Random random(5);
  std::uint64_t sum = 0;
  for (int i = 0; i < 100; ++i) {
    const std::size_t size = kMiB << random.below(7);
    auto* buffer = static_cast<unsigned char*>(std::malloc(size));
    std::memset(buffer, i & 0xFF, size);
    sum += buffer[random.below(size)];
    std::free(buffer);
  }
  return sum;
}

}  // namespace terrace::peers
