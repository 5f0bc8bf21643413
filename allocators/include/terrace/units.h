// SPDX-License-Identifier: Apache-2.0
// Units as types, so that a byte count, a page count and a node number cannot be mixed up.
// Used by every layer. Values only: thread-safe, never allocates.
// GB = 1e9 bytes, GiB = 2^30 bytes.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>

namespace terrace {

/// A count of bytes.
struct Bytes {
  std::uint64_t value = 0;
  constexpr Bytes() = default;
  constexpr explicit Bytes(std::uint64_t bytes) : value(bytes) {}
  constexpr auto operator<=>(const Bytes&) const = default;
  constexpr Bytes operator+(Bytes other) const { return Bytes(value + other.value); }
  constexpr Bytes operator-(Bytes other) const { return Bytes(value - other.value); }
  constexpr Bytes& operator+=(Bytes other) {
    value += other.value;
    return *this;
  }
  constexpr Bytes& operator-=(Bytes other) {
    value -= other.value;
    return *this;
  }
};

/// `n` times 2^10, 2^20, 2^30 bytes.
constexpr Bytes KiB(std::uint64_t n) {
  return Bytes(n << 10);
}
constexpr Bytes MiB(std::uint64_t n) {
  return Bytes(n << 20);
}
constexpr Bytes GiB(std::uint64_t n) {
  return Bytes(n << 30);
}

/// A span of time, or a point on CLOCK_MONOTONIC.
struct Nanoseconds {
  std::uint64_t value = 0;
  constexpr Nanoseconds() = default;
  constexpr explicit Nanoseconds(std::uint64_t ns) : value(ns) {}
  constexpr auto operator<=>(const Nanoseconds&) const = default;
  constexpr Nanoseconds operator+(Nanoseconds other) const {
    return Nanoseconds(value + other.value);
  }
  /// Saturates at zero: a clock that lags gives no huge span.
  constexpr Nanoseconds operator-(Nanoseconds other) const {
    return Nanoseconds(value > other.value ? value - other.value : 0);
  }
};

/// `n` times 1e3, 1e6 nanoseconds.
constexpr Nanoseconds microseconds(std::uint64_t n) {
  return Nanoseconds(n * 1000);
}
constexpr Nanoseconds milliseconds(std::uint64_t n) {
  return Nanoseconds(n * 1000000);
}

/// Bandwidth in 1e9 bytes per second, which is also bytes per nanosecond.
struct GBps {
  double value = 0;
  constexpr GBps() = default;
  constexpr explicit GBps(double gb_per_second) : value(gb_per_second) {}
  constexpr auto operator<=>(const GBps&) const = default;
};

/// A NUMA node as the kernel numbers it.
enum class NodeId : std::int32_t {};
/// A tier's index in its Topology, fastest first.
enum class TierId : std::uint8_t {};

/// The number behind the type, for the kernel's interfaces and for indices.
constexpr std::int32_t raw(NodeId node) {
  return static_cast<std::int32_t>(node);
}
constexpr std::uint8_t raw(TierId tier) {
  return static_cast<std::uint8_t>(tier);
}

/// The unit of placement: an object's pages lie on tiers by blocks of this size.
inline constexpr std::uint64_t kBlockShift = 21;
inline constexpr Bytes kBlockBytes = Bytes(std::uint64_t{1} << kBlockShift);

/// Blocks that `size` bytes take, the last one perhaps in part.
constexpr std::uint64_t blocks_for(Bytes size) {
  return (size.value + kBlockBytes.value - 1) >> kBlockShift;
}
constexpr Bytes round_up_to_block(Bytes size) {
  return Bytes(blocks_for(size) << kBlockShift);
}

}  // namespace terrace
