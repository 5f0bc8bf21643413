// SPDX-License-Identifier: Apache-2.0
// Random weights in ggml's block formats, the same for the same seed. Used by make_model.
// Pure functions of the generator's state; no allocation.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "bench/scenario/gguf_writer.h"

namespace terrace::bench {

/// SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014).
class SplitMix64 {
 public:
  explicit SplitMix64(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }

 private:
  std::uint64_t state_;
};

/// Fills `out`, a whole number of blocks of `type`, with zero-mean values of the given standard
/// deviation: uniform, since only size and order of magnitude matter to timing.
void fill_random(GgmlType type, float deviation, SplitMix64& random, std::span<std::byte> out);

/// Fills `out` with the float `value`.
void fill_constant(float value, std::span<std::byte> out);

}  // namespace terrace::bench
