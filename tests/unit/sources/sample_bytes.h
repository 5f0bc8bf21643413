// SPDX-License-Identifier: Apache-2.0
// Builds records of the kernel's ring buffer byte by byte, after perf_event_open(2). Made from that
// description and not captured: the machines of this project have no PMU.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>

namespace terrace::sources {

inline std::string bytes_of(std::uint64_t value, int count) {
  std::string bytes;
  for (int i = 0; i < count; ++i) bytes.push_back(static_cast<char>(value >> (8 * i)));
  return bytes;
}

/// perf_event_header and 8-byte fields.
inline std::string record_bytes(std::uint32_t type, std::initializer_list<std::uint64_t> fields) {
  std::string body;
  for (const std::uint64_t field : fields) body += bytes_of(field, 8);
  return bytes_of(type, 4) + bytes_of(2, 2) + bytes_of(8 + body.size(), 2) + body;
}

inline constexpr std::uint32_t kLostType = 2;
inline constexpr std::uint32_t kThrottleType = 5;
inline constexpr std::uint32_t kForkType = 7;
inline constexpr std::uint32_t kSampleTypeOfRecord = 9;
inline constexpr std::uint32_t kLostSamplesType = 13;

/// The recorder's own layout: thread, time, address, period, weight, data source.
inline std::string access_record(std::uint32_t pid, std::uint64_t address, std::uint64_t weight,
                                 std::uint64_t data_source) {
  return record_bytes(kSampleTypeOfRecord, {pid | (std::uint64_t{pid} << 32), 123456789, address,
                                            10007, weight, data_source});
}

/// perf_mem_data_src from operation, older level bits, level number and the remote bit.
inline constexpr std::uint64_t data_source_bits(std::uint64_t op, std::uint64_t level,
                                                std::uint64_t number, std::uint64_t remote) {
  return op | (level << 5) | (number << 33) | (remote << 37);
}

}  // namespace terrace::sources
