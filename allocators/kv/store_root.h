// SPDX-License-Identifier: Apache-2.0
// The root object of a prefix store's pool, as it lies in the file, and the checks of one that was
// found. Used by store_pool.cc alone. Values and pure functions: thread-safe, never allocates.
#pragma once

#include <cstdint>
#include <string>

#include <terrace/result.h>

#include "allocators/kv/prefix_store.h"

namespace terrace::kv {

inline constexpr std::uint64_t kRootMagic = 0x766b2e6563617274u;  // "trace.kv", little-endian
inline constexpr std::uint32_t kMaxSegments = 1088;

struct RootSegment {
  std::uint64_t offset;  ///< in the pool, a multiple of a page
  std::uint64_t records;
};

struct StoreRoot {
  std::uint64_t magic;
  std::uint32_t version;
  std::uint32_t segment_count;
  std::uint64_t pool_bytes;
  std::uint32_t block_tokens;
  std::uint32_t layers;
  std::uint64_t layer_bytes;
  std::uint64_t identity;
  std::uint64_t seed;
  std::uint64_t checksum;  ///< of everything else
  RootSegment segments[kMaxSegments];
};

std::uint64_t checksum_of(const StoreRoot& root);
/// It is whole, of this layout version, and of a pool of so many bytes.
Status check_root(const std::string& path, const StoreRoot& root, Bytes pool_bytes);
/// It is for this shape and identity.
Status check_owner(const StoreOptions& options, const StoreRoot& root);

}  // namespace terrace::kv
