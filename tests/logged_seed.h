// SPDX-License-Identifier: Apache-2.0
// The seed of a test that draws at random. One thread; allocates nothing.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>

namespace terrace::testing_support {

/// From TERRACE_SEED, or random; printed, so that a failure can be repeated.
inline std::uint32_t logged_seed() {
  const char* fixed = std::getenv("TERRACE_SEED");
  const std::uint32_t seed = fixed != nullptr
                                 ? static_cast<std::uint32_t>(std::strtoul(fixed, nullptr, 10))
                                 : std::random_device{}();
  std::printf("TERRACE_SEED=%u\n", seed);
  return seed;
}

}  // namespace terrace::testing_support
