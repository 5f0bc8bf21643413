// SPDX-License-Identifier: Apache-2.0
// What a KV block is: so many tokens, so many layers, and the bytes of one layer's keys and values.
// A block's parts lie one behind the other by layer. Used by all of allocators/kv.
// Values only: thread-safe, never allocates.
#pragma once

#include <cstdint>

#include <terrace/units.h>

namespace terrace::kv {

using Token = std::int32_t;
/// Names all tokens up to a block's end, and what else its content depends on.
using ChainHash = std::uint64_t;

struct Shape {
  std::uint32_t block_tokens = 0;
  std::uint32_t layers = 0;
  Bytes layer_bytes;
  constexpr Bytes block_bytes() const { return Bytes(layers * layer_bytes.value); }
  constexpr bool operator==(const Shape&) const = default;
};

}  // namespace terrace::kv
