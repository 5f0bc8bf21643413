// SPDX-License-Identifier: Apache-2.0
// Reads memory as fast as one thread can: the inner loop of the bandwidth measurement.
// Thread-safe; allocates nothing.
#pragma once

#include <cstddef>
#include <cstdint>

namespace terrace::calibrate {

/// Bytes that one turn of the widest kernel reads; sizes are multiples of it.
inline constexpr std::size_t kStreamStride = 512;

/// The sum of all 64-bit words in data[0, bytes), modulo 2^64: a result that no compiler can have
/// without every load. `data` is aligned to 64 bytes, `bytes` a multiple of kStreamStride.
std::uint64_t stream_sum(const std::byte* data, std::size_t bytes);

}  // namespace terrace::calibrate
