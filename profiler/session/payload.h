// SPDX-License-Identifier: Apache-2.0
// Takes records and texts from the front of a chunk's payload. It lies unaligned in the file, so
// they are copied out. False, with nothing taken: there is not so much left. Thread-safe;
// take_text() allocates.
#pragma once

#include <cstddef>
#include <cstring>
#include <string>

namespace terrace::session {

template <typename Record>
[[nodiscard]] bool take(const std::byte*& payload, std::size_t& size, Record& record) {
  if (size < sizeof record) return false;
  std::memcpy(&record, payload, sizeof record);
  payload += sizeof record;
  size -= sizeof record;
  return true;
}

[[nodiscard]] inline bool take_text(const std::byte*& payload, std::size_t& size,
                                    std::size_t length, std::string& text) {
  if (size < length) return false;
  text.assign(reinterpret_cast<const char*>(payload), length);
  payload += length;
  size -= length;
  return true;
}

}  // namespace terrace::session
