// SPDX-License-Identifier: Apache-2.0
#include "bench/scenario/random_weights.h"

#include <bit>
#include <cmath>
#include <cstring>

namespace terrace::bench {
namespace {

constexpr float kNibbleDeviation = 4.61f;  // uniform over -8..7
constexpr float kByteDeviation = 73.9f;    // uniform over the odd numbers of -127..127
constexpr std::uint16_t kHalfSign = 0x8000;

/// IEEE binary16, rounded towards zero, of a positive number in its normal range.
std::uint16_t half_bits(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t exponent = ((bits >> 23) & 0xffu) - 127u + 15u;
  return static_cast<std::uint16_t>(exponent << 10 | ((bits >> 13) & 0x3ffu));
}

// The nibbles' mean is -0.5, which would push every token the same way through the network and
// so to the same experts: each block's scale has a random sign.
void fill_q4_0(float deviation, SplitMix64& random, std::span<std::byte> out) {
  const std::uint16_t scale = half_bits(deviation / kNibbleDeviation);
  std::uint64_t signs = 0;
  std::size_t block = 0;
  for (std::byte* at = out.data(); at != out.data() + out.size(); at += 18, ++block) {
    if (block % 64 == 0) signs = random.next();
    const auto signed_scale =
        static_cast<std::uint16_t>(scale | ((signs >> block % 64 & 1u) != 0 ? kHalfSign : 0u));
    const std::uint64_t nibbles[2] = {random.next(), random.next()};
    std::memcpy(at, &signed_scale, 2);
    std::memcpy(at + 2, nibbles, 16);
  }
}

void fill_q8_0(float deviation, SplitMix64& random, std::span<std::byte> out) {
  const std::uint16_t scale = half_bits(deviation / kByteDeviation);
  // -128 is no value of a quantised weight; odd bytes are symmetrical and never reach it.
  constexpr std::uint64_t kOdd = 0x0101010101010101u;
  for (std::byte* at = out.data(); at != out.data() + out.size(); at += 34) {
    std::memcpy(at, &scale, 2);
    for (int word = 0; word < 4; ++word) {
      const std::uint64_t bytes = random.next() | kOdd;
      std::memcpy(at + 2 + 8 * word, &bytes, 8);
    }
  }
}

void fill_f32(float deviation, SplitMix64& random, std::span<std::byte> out) {
  const float half_width = deviation * std::sqrt(3.0f);
  for (std::byte* at = out.data(); at != out.data() + out.size(); at += sizeof(float)) {
    const auto unit = static_cast<float>(random.next() >> 40) / static_cast<float>(1u << 24);
    const float value = (2.0f * unit - 1.0f) * half_width;
    std::memcpy(at, &value, sizeof(float));
  }
}

}  // namespace

void fill_random(GgmlType type, float deviation, SplitMix64& random, std::span<std::byte> out) {
  switch (type) {
    case GgmlType::kQ4_0:
      return fill_q4_0(deviation, random, out);
    case GgmlType::kQ8_0:
      return fill_q8_0(deviation, random, out);
    case GgmlType::kF32:
      return fill_f32(deviation, random, out);
  }
}

void fill_constant(float value, std::span<std::byte> out) {
  for (std::byte* at = out.data(); at != out.data() + out.size(); at += sizeof(float)) {
    std::memcpy(at, &value, sizeof(float));
  }
}

}  // namespace terrace::bench
