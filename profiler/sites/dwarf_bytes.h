// SPDX-License-Identifier: Apache-2.0
// A bounded reader over call-frame information. Past its end it reads zeros and says so, which the
// callers take for a description that they do not understand.
// Not thread-safe (one reader, one walk); async-signal-safe; allocates nothing.
#pragma once

#include <cstdint>
#include <cstring>

namespace terrace::sites {

class DwarfBytes {
 public:
  DwarfBytes(const unsigned char* begin, const unsigned char* end) : at_(begin), end_(end) {}

  bool done() const { return at_ >= end_; }
  bool failed() const { return failed_; }
  const unsigned char* position() const { return at_; }

  template <typename Number>
  Number fixed() {
    Number value{};
    if (static_cast<std::size_t>(end_ - at_) < sizeof value) {
      fail();
      return value;
    }
    std::memcpy(&value, at_, sizeof value);
    at_ += sizeof value;
    return value;
  }

  std::uint64_t unsigned_leb() { return leb().value; }

  std::int64_t signed_leb() {
    const Leb read = leb();
    const bool negative = read.bits < 64 && (read.value >> (read.bits - 1) & 1) != 0;
    return static_cast<std::int64_t>(negative ? read.value | (~std::uint64_t{0} << read.bits)
                                              : read.value);
  }

  void skip(std::uint64_t bytes) {
    if (bytes > static_cast<std::uint64_t>(end_ - at_)) return fail();
    at_ += bytes;
  }

  /// The next `bytes` bytes, which are skipped here.
  DwarfBytes part(std::uint64_t bytes) {
    const unsigned char* const begin = at_;
    skip(bytes);
    return failed_ ? DwarfBytes(end_, end_) : DwarfBytes(begin, at_);
  }

 private:
  struct Leb {
    std::uint64_t value = 0;
    unsigned bits = 0;
  };

  Leb leb() {
    Leb read;
    unsigned char byte = 0x80;
    while ((byte & 0x80) != 0 && read.bits < 64) {
      byte = fixed<unsigned char>();
      read.value |= static_cast<std::uint64_t>(byte & 0x7f) << read.bits;
      read.bits += 7;
    }
    return read;
  }

  void fail() {
    failed_ = true;
    at_ = end_;
  }

  const unsigned char* at_;
  const unsigned char* end_;
  bool failed_ = false;
};

}  // namespace terrace::sites
