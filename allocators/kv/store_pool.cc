// SPDX-License-Identifier: Apache-2.0
#include "allocators/kv/store_pool.h"

#include <libpmemobj.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <random>
#include <utility>

#include "allocators/kv/pool_examine.h"
#include "allocators/kv/store_root.h"
#include "allocators/os/durable_name.h"

namespace terrace::kv {
namespace {

constexpr const char* kLayout = "terrace.kv.prefixes";
constexpr std::uint64_t kPage = 4096;
constexpr mode_t kOwnerOnly = 0600;
constexpr Bytes kMostInSegment = GiB(15);  // PMEMOBJ_MAX_ALLOC_SIZE is a little under 16

/// libpmemobj's own text is of the last call in this thread.
Error refused(const std::string& path, int error) {
  if (error == EWOULDBLOCK || error == EBUSY) {
    return make_error(ErrorCode::kIo, EWOULDBLOCK,
                      "%s: the prefix store is in use, by this process or another ('fuser -v' "
                      "names it); end that one, or give each its own path",
                      path.c_str());
  }
  if (error == ENOSPC) {
    return make_error(ErrorCode::kIo, error,
                      "%s: the file system has no room for the prefix store; make room, or ask for "
                      "a smaller one",
                      path.c_str());
  }
  if (error == EACCES || error == EPERM || error == EROFS) {
    return make_error(ErrorCode::kIo, error,
                      "%s: the prefix store must be readable and writable: %s; see 'ls -l' and "
                      "'findmnt -T'",
                      path.c_str(), std::strerror(error));
  }
  if (error == EINVAL) {
    return make_error(ErrorCode::kCheckFailed, error,
                      "%s: no prefix store, or a damaged one: %.120s; remove the file to begin "
                      "with an empty one",
                      path.c_str(), pmemobj_errormsg());
  }
  return make_error(ErrorCode::kIo, error, "%s: prefix store: %.160s", path.c_str(),
                    pmemobj_errormsg());
}

Error no_room_for_a_block(const StoreOptions& options) {
  const Bytes least = MiB(16) + segment_bytes(options.shape, 1);
  return make_error(ErrorCode::kUsage, 0,
                    "%s: %llu bytes hold no block of %llu bytes beside the pool's own data; give "
                    "the prefix store %llu or more",
                    options.path.c_str(), static_cast<unsigned long long>(options.size.value),
                    static_cast<unsigned long long>(options.shape.block_bytes().value),
                    static_cast<unsigned long long>(least.value));
}

std::uint64_t draw_seed() {
  std::random_device device;
  return (std::uint64_t{device()} << 32) | device();
}

/// Records of the first segments; the last ones are smaller, until nothing more finds room.
std::uint64_t records_in_segment(const StoreOptions& options) {
  const Bytes wanted = std::clamp(Bytes(options.size.value / 512), MiB(64), kMostInSegment);
  const std::uint64_t one = segment_bytes(options.shape, 1).value;
  return std::clamp<std::uint64_t>(wanted.value / one, 1, options.size.value / one + 1);
}

/// A segment with no record in it; false when the pool has no room for it.
bool add_segment(pmemobjpool* pool, const StoreOptions& options, std::uint64_t records,
                 StoreRoot& root) {
  const Bytes size = segment_bytes(options.shape, records);
  PMEMoid object;
  if (pmemobj_alloc(pool, &object, size.value + kPage, 0, nullptr, nullptr) != 0) return false;
  const std::uint64_t offset = (object.off + kPage - 1) / kPage * kPage;
  auto* const heads = reinterpret_cast<std::byte*>(pool) + offset;
  pmemobj_memset_persist(pool, heads, 0, records * sizeof(RecordHead));
  root.segments[root.segment_count++] = {offset, records};
  return true;
}

StoreRoot empty_root(const StoreOptions& options, Bytes pool_bytes) {
  StoreRoot root{};
  root.magic = kRootMagic;
  root.version = kStoreVersion;
  root.pool_bytes = pool_bytes.value;
  root.block_tokens = options.shape.block_tokens;
  root.layers = options.shape.layers;
  root.layer_bytes = options.shape.layer_bytes.value;
  root.identity = options.identity;
  root.seed = draw_seed();
  return root;
}

Error not_a_file(const std::string& path) {
  return make_error(ErrorCode::kUsage, 0,
                    "%s: a prefix store is a file, on any file system or on fsdax ('mount -o dax' "
                    "on persistent memory), not a folder or device; give a path in a folder",
                    path.c_str());
}

}  // namespace

void StorePool::Close::operator()(pmemobjpool* pool) const {
  pmemobj_close(pool);
}

Result<StorePool> StorePool::open(const StoreOptions& options) {
  switch (os::kind_of_path(options.path.c_str())) {
    case os::PathKind::kNothing:
      return make(options);
    case os::PathKind::kFile:
      return open_existing(options);
    case os::PathKind::kOther:
      break;
  }
  return not_a_file(options.path);
}

Result<StorePool> StorePool::open_existing(const StoreOptions& options) {
  const auto size = examine_pool(options.path);
  if (!size)
    return size.error().code == ErrorCode::kIo ? refused(options.path, size.error().saved_errno)
                                               : size.error();
  Handle handle(pmemobj_open(options.path.c_str(), kLayout));
  if (!handle) return refused(options.path, errno);
  StorePool pool(std::move(handle), *size);
  if (Status root = pool.read_root(options); !root) return root.error();
  return pool;
}

Result<StorePool> StorePool::make(const StoreOptions& options) {
  const Bytes size = Bytes(options.size.value / kPage * kPage);
  if (size.value < PMEMOBJ_MIN_POOL) return no_room_for_a_block(options);
  const std::string beside = options.path + ".new";
  if (const int error = os::remove_abandoned(beside.c_str()); error != 0) {
    return refused(beside, error);
  }
  Handle handle(pmemobj_create(beside.c_str(), kLayout, size.value, kOwnerOnly));
  if (!handle) return refused(beside, errno);
  StorePool pool(std::move(handle), size);
  Status made = fill(pool.pool_, options);
  if (made) made = pool.read_root(options);
  if (made) {
    const int error = os::publish_file(beside.c_str(), options.path.c_str());
    if (error == 0) return pool;
    made = refused(options.path, error == EEXIST ? EWOULDBLOCK : error);
  }
  std::remove(beside.c_str());
  return made.error();
}

Status StorePool::fill(const Handle& handle, const StoreOptions& options) {
  pmemobjpool* const pool = handle.get();
  const PMEMoid object = pmemobj_root(pool, sizeof(StoreRoot));
  if (OID_IS_NULL(object)) return no_room_for_a_block(options);
  StoreRoot root = empty_root(options, Bytes(options.size.value / kPage * kPage));
  std::uint64_t records = records_in_segment(options);
  while (records != 0 && root.segment_count < kMaxSegments) {
    if (!add_segment(pool, options, records, root)) records /= 2;
  }
  if (root.segment_count == 0) return no_room_for_a_block(options);
  root.checksum = checksum_of(root);
  pmemobj_memcpy_persist(pool, pmemobj_direct(object), &root, sizeof root);
  return ok_status();
}

Status StorePool::read_root(const StoreOptions& options) {
  constexpr std::size_t kUpToVersion = offsetof(StoreRoot, segment_count);
  const std::size_t found = pmemobj_root_size(pool_.get());
  StoreRoot root{};
  if (found >= kUpToVersion && found <= size_.value) {
    const PMEMoid object = pmemobj_root(pool_.get(), found);
    const std::size_t read = std::min(found, sizeof root);
    if (object.off <= size_.value - read) std::memcpy(&root, base() + object.off, read);
  }
  if (Status whole = check_root(options.path, root, size_); !whole) return whole;
  if (Status ours = check_owner(options, root); !ours) return ours;
  seed_ = root.seed;
  for (std::uint32_t i = 0; i < root.segment_count; ++i) {
    const RootSegment& segment = root.segments[i];
    segments_.push_back(segment_at(base() + segment.offset, options.shape,
                                   static_cast<std::uint32_t>(segment.records)));
  }
  return ok_status();
}

}  // namespace terrace::kv
