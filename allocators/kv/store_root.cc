// SPDX-License-Identifier: Apache-2.0
#include "allocators/kv/store_root.h"

#include <xxhash.h>

#include "allocators/kv/store_pool.h"
#include "allocators/kv/store_records.h"

namespace terrace::kv {
namespace {

constexpr std::uint64_t kPage = 4096;

unsigned long long shown(std::uint64_t value) {
  return value;
}

Error damaged(const std::string& path, const char* what) {
  return make_error(ErrorCode::kCheckFailed, 0,
                    "%s: the prefix store is damaged (%s); remove the file to begin with an empty "
                    "one, nothing but time is lost",
                    path.c_str(), what);
}

bool segments_fit(const StoreRoot& root, Bytes pool_bytes) {
  const Shape shape{root.block_tokens, root.layers, Bytes(root.layer_bytes)};
  for (std::uint32_t i = 0; i < root.segment_count; ++i) {
    const RootSegment& segment = root.segments[i];
    const std::uint64_t most = pool_bytes.value / shape.block_bytes().value;
    if (segment.records == 0 || segment.records > most || segment.offset % kPage != 0) return false;
    const Bytes size = segment_bytes(shape, segment.records);
    if (size > pool_bytes || segment.offset > (pool_bytes - size).value) return false;
  }
  return true;
}

}  // namespace

std::uint64_t checksum_of(const StoreRoot& root) {
  constexpr std::size_t kHead = offsetof(StoreRoot, checksum);
  const std::uint64_t head = XXH3_64bits(&root, kHead);
  return XXH3_64bits_withSeed(root.segments, sizeof root.segments, head);
}

Status check_root(const std::string& path, const StoreRoot& root, Bytes pool_bytes) {
  if (root.magic != kRootMagic) return damaged(path, "its root does not say what it is");
  if (root.version != kStoreVersion) {
    return make_error(ErrorCode::kCheckFailed, 0,
                      "%s: the prefix store has layout version %u, this library reads %u; use the "
                      "library that made it, or remove the file to begin with an empty one",
                      path.c_str(), root.version, kStoreVersion);
  }
  if (root.checksum != checksum_of(root)) return damaged(path, "checksum of its root");
  if (root.pool_bytes != pool_bytes.value) {
    return make_error(
        ErrorCode::kCheckFailed, 0,
        "%s: the prefix store has %llu bytes and was made with %llu: it was cut short "
        "or copied in part; copy it again, or remove it to begin with an empty one",
        path.c_str(), shown(pool_bytes.value), shown(root.pool_bytes));
  }
  if (root.segment_count == 0 || root.segment_count > kMaxSegments || root.layers == 0 ||
      root.layer_bytes == 0 || !segments_fit(root, pool_bytes)) {
    return damaged(path, "places outside the pool");
  }
  return ok_status();
}

Status check_owner(const StoreOptions& options, const StoreRoot& root) {
  const Shape found{root.block_tokens, root.layers, Bytes(root.layer_bytes)};
  const Shape& wanted = options.shape;
  if (found != wanted) {
    return make_error(ErrorCode::kCheckFailed, 0,
                      "%s: the prefix store holds blocks of %u tokens, %u layers of %llu bytes, "
                      "not of %u, %u, %llu; give another path, or remove the file",
                      options.path.c_str(), found.block_tokens, found.layers,
                      shown(found.layer_bytes.value), wanted.block_tokens, wanted.layers,
                      shown(wanted.layer_bytes.value));
  }
  if (root.identity != options.identity) {
    return make_error(ErrorCode::kCheckFailed, 0,
                      "%s: the prefix store is of identity %016llx, not %016llx (model, weights or "
                      "quantisation differ); give another path, or remove the file",
                      options.path.c_str(), shown(root.identity), shown(options.identity));
  }
  return ok_status();
}

}  // namespace terrace::kv
