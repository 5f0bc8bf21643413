// SPDX-License-Identifier: Apache-2.0
// A random cycle through all cache lines of a buffer: what the latency measurement follows.
// build_pointer_cycle allocates 4 bytes per line while it runs; chase allocates nothing. The
// buffer's owner calls both.
#pragma once

#include <cstddef>
#include <cstdint>

namespace terrace::calibrate {

inline constexpr std::size_t kLineBytes = 64;

/// Writes into each line's first word the number of the next line. One cycle visits all lines
/// (Sattolo's algorithm), in an order that no prefetcher follows. lines >= 2, < 2^32.
void build_pointer_cycle(std::byte* lines_at, std::size_t lines, std::uint64_t seed);

/// Follows the cycle for `steps` loads, each of which needs the one before; returns the line
/// reached, from which the next call goes on.
std::uint64_t chase(const std::byte* lines_at, std::uint64_t line, std::size_t steps);

}  // namespace terrace::calibrate
