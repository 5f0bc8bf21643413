// SPDX-License-Identifier: Apache-2.0
#include "tiering/capi/checksum.h"

#include <isa-l/crc.h>
#include <zlib.h>

namespace terrace::capi {
namespace {

// A CRC is a polynomial over GF(2), the highest power in the lowest bit. zlib joins sums of its own
// polynomial only, and ISA-L none.
constexpr std::uint32_t kCastagnoli = 0x82F63B78;
constexpr std::uint32_t kOne = 1u << 31;

/// a x b modulo the polynomial.
constexpr std::uint32_t product(std::uint32_t a, std::uint32_t b) {
  std::uint32_t sum = 0;
  for (std::uint32_t bit = kOne; bit != 0; bit >>= 1) {
    if ((a & bit) != 0) sum ^= b;
    b = (b >> 1) ^ ((b & 1) != 0 ? kCastagnoli : 0);
  }
  return sum;
}

/// x to the power of 8 x `bytes`, by squaring.
constexpr std::uint32_t shift_by(std::uint64_t bytes) {
  std::uint32_t power = kOne >> 8;
  std::uint32_t result = kOne;
  for (; bytes != 0; bytes >>= 1) {
    if ((bytes & 1) != 0) result = product(power, result);
    power = product(power, power);
  }
  return result;
}

std::uint32_t crc32c(const void* data, Bytes size) {
  // The library wants a pointer to what it may write to, and does not.
  auto* const bytes = static_cast<unsigned char*>(const_cast<void*>(data));
  return ~::crc32_iscsi(bytes, static_cast<int>(size.value), ~0u);
}

}  // namespace

std::uint32_t checksum_of(Checksum kind, const void* data, Bytes size) {
  if (kind == Checksum::kCrc32c) return crc32c(data, size);
  const uLong begun = ::crc32(0, nullptr, 0);
  return static_cast<std::uint32_t>(
      ::crc32(begun, static_cast<const Bytef*>(data), static_cast<uInt>(size.value)));
}

std::uint32_t joined_checksum(Checksum kind, std::uint32_t first, std::uint32_t second,
                              Bytes size) {
  if (kind == Checksum::kCrc32c) return product(first, shift_by(size.value)) ^ second;
  return static_cast<std::uint32_t>(
      ::crc32_combine(first, second, static_cast<z_off_t>(size.value)));
}

}  // namespace terrace::capi
