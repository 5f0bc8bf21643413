// SPDX-License-Identifier: Apache-2.0
// What the kernel's ring buffer of sampled accesses may hold: samples, losses, throttling.
// Allocates.
#pragma once

#include <string>

#include "tests/unit/sources/sample_bytes.h"

namespace terrace::fuzz {

inline std::string good_ring() {
  using namespace sources;
  std::string bytes;
  for (std::uint32_t i = 0; i < 20; ++i) {
    bytes += access_record(7, 0x7f0000000000 + i * 64, i, data_source_bits(2, 0, i % 16, i % 2));
    if (i % 5 == 0) bytes += record_bytes(kLostType, {1, i});
    if (i % 7 == 0) bytes += record_bytes(kThrottleType, {1, 2, 3});
  }
  return bytes;
}

}  // namespace terrace::fuzz
