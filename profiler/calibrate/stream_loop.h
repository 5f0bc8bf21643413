// SPDX-License-Identifier: Apache-2.0
// The streaming loop for one width of vector, shared by the files that pick the widths.
// A pure function: thread-safe, never allocates.
#pragma once

#include <cstddef>
#include <cstdint>

namespace terrace::calibrate {

/// A vector of Bytes / 8 words, which the compiler keeps in one register where the target has it.
template <std::size_t Bytes>
struct LaneOf {
  using type __attribute__((vector_size(Bytes), may_alias)) = std::uint64_t;
};

/// Eight accumulators, so that no addition waits for the one before it: loads alone bound the loop.
template <std::size_t LaneBytes>
[[gnu::always_inline]] inline std::uint64_t stream_loop(const std::byte* data, std::size_t bytes) {
  using Lane = typename LaneOf<LaneBytes>::type;
  constexpr std::size_t kLanes = 8;
  Lane sums[kLanes] = {};
  for (std::size_t at = 0; at < bytes; at += kLanes * LaneBytes) {
    const auto* const lanes = reinterpret_cast<const Lane*>(data + at);
#pragma GCC unroll 8
    for (std::size_t lane = 0; lane < kLanes; ++lane) sums[lane] += lanes[lane];
  }
  std::uint64_t total = 0;
  for (const Lane& sum : sums)
    for (std::size_t word = 0; word < LaneBytes / 8; ++word) total += sum[word];
  return total;
}

}  // namespace terrace::calibrate
