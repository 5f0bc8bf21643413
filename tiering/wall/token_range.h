// SPDX-License-Identifier: Apache-2.0
// Numbers as the wall's options take them: one, a list, or a range that is swept. Pure functions:
// thread-safe; allocate.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include <terrace/result.h>

namespace terrace::wall {

/// How a range a..b goes from a to b.
enum class Steps : std::uint8_t {
  kDoubling = 0,  ///< 4k..32k is 4k, 8k, 16k, 32k; b is always the last
  kOne = 1,       ///< 0..3 is 0, 1, 2, 3
};

struct RangeLimits {
  std::uint64_t least = 1;
  std::uint64_t most = std::uint64_t{1} << 40;
  Steps steps = Steps::kDoubling;
};

/// "8192", "32k", "1M" (k, M, G: powers of 1024), "1,8,64", "4k..1M", "1..4,32". Ascending and
/// without repeats. Error kUsage: no such number, outside the limits, a range that falls, or more
/// than 64 values.
Result<std::vector<std::uint64_t>> parse_range(std::string_view text, const RangeLimits& limits);

/// A whole number with k, M or G, within the limits.
Result<std::uint64_t> parse_count(std::string_view text, const RangeLimits& limits);

}  // namespace terrace::wall
