// SPDX-License-Identifier: Apache-2.0
// Between numbers of 2 MiB blocks and bytes, where terrace/units.h has the other direction. Used by
// all layers. Constants and values: thread-safe, never allocates.
#pragma once

#include <algorithm>
#include <cstdint>

#include <terrace/units.h>

namespace terrace {

/// The largest object: more than any machine has, and block numbers have 32 bits.
inline constexpr Bytes kMaxObjectBytes = Bytes(std::uint64_t{1} << 46);

/// blocks_for() in the 32 bits of block numbers, of at most kMaxObjectBytes.
constexpr std::uint32_t block_count_for(Bytes size) {
  return static_cast<std::uint32_t>(blocks_for(size));
}

/// Of whole blocks; it is also where the block of that number begins.
constexpr Bytes bytes_of_blocks(std::uint64_t blocks) {
  return Bytes(blocks << kBlockShift);
}

/// What lies in block number `block` of something of `size`: a block, but for the last; 0 behind
/// it.
constexpr Bytes bytes_in_block(Bytes size, std::uint64_t block) {
  const Bytes begin = bytes_of_blocks(block);
  return begin >= size ? Bytes() : std::min(kBlockBytes, size - begin);
}

}  // namespace terrace
