// SPDX-License-Identifier: Apache-2.0
// Other machines: 16-byte vectors, which every 64-bit server CPU has in its base.
#include "profiler/calibrate/stream_kernel.h"
#include "profiler/calibrate/stream_loop.h"

namespace terrace::calibrate {

std::uint64_t stream_sum(const std::byte* data, std::size_t bytes) {
  return stream_loop<16>(data, bytes);
}

}  // namespace terrace::calibrate
