// SPDX-License-Identifier: Apache-2.0
// Pools of small blocks over tensors that nobody can name.
#include <utility>

#include "tiering/capi/context.h"

namespace terrace::capi {

terrace_status Context::open_pool(const terrace_pool_options& options, std::uint64_t& handle) {
  terrace_tensor_options pages{};
  pages.struct_size = sizeof pages;
  pages.kind = options.kind;
  pages.tier = options.tier;
  pages.bytes = kBlockBytes.value;
  Tensor checked;
  terrace_status done = read_identity(pages, checked);
  if (done == TERRACE_OK) done = read_wish(pages, checked.wish);
  if (done != TERRACE_OK) return done;
  auto pool = std::make_shared<Pool>();
  pool->tier = options.tier != nullptr ? options.tier : "";
  PageSource source;
  source.map = [this, kind = options.kind, keeper = pool.get()](std::size_t bytes) {
    return map_for_pool(*keeper, kind, bytes);
  };
  source.unmap = [this, keeper = pool.get()](void* at, std::size_t) {
    return unmap_for_pool(*keeper, at);
  };
  const Bytes limit(options.limit_bytes != 0 ? options.limit_bytes : ~std::uint64_t{0} >> 1);
  auto blocks = TierMemoryResource::create_from(std::move(source), limit);
  if (!blocks) return fail(TERRACE_NO_ROOM, "%s", blocks.error().message);
  pool->blocks = std::move(*blocks);
  handle = pools_.add(pool);
  if (handle != 0) return TERRACE_OK;
  pool->blocks.reset();
  return fail(TERRACE_NO_MEMORY, "%u pools are open, more a context cannot name", kMaxSlots);
}

/// Called by whoever allocates from the pool. Nothing may be thrown through oneTBB.
void* Context::map_for_pool(Pool& pool, terrace_class kind, std::size_t bytes) noexcept {
  void* at = nullptr;
  const terrace_status done = guarded([&]() -> terrace_status {
    terrace_tensor_options options{};
    options.struct_size = sizeof options;
    options.kind = kind;
    options.bytes = bytes;
    options.tier = pool.tier.empty() ? nullptr : pool.tier.c_str();
    TensorRef tensor;
    const terrace_status made = allocate(options, Naming::kNone, tensor);
    if (made != TERRACE_OK) return made;
    const std::lock_guard lock(pool.pages_lock);
    pool.pages.emplace(tensor->address, tensor);
    at = tensor->address;
    return made;
  });
  return done == TERRACE_OK ? at : nullptr;
}

bool Context::unmap_for_pool(Pool& pool, void* at) noexcept {
  TensorRef tensor;
  {
    const std::lock_guard lock(pool.pages_lock);
    const auto found = pool.pages.find(at);
    if (found == pool.pages.end()) return false;
    tensor = found->second;
    pool.pages.erase(found);
  }
  end_memory(*tensor);
  return true;
}

terrace_status Context::close_pool(std::uint64_t handle) {
  const std::shared_ptr<Pool> pool = pools_.remove(handle);
  if (pool == nullptr) return fail_ended(handle, HandleKind::kPool);
  const std::lock_guard lock(pool->use);
  pool->blocks.reset();
  return TERRACE_OK;
}

terrace_status Context::pool_allocate(std::uint64_t handle, std::uint64_t bytes,
                                      std::uint64_t alignment, void*& address) {
  const std::shared_ptr<Pool> pool = pools_.find(handle);
  if (pool == nullptr) return fail_ended(handle, HandleKind::kPool);
  const std::shared_lock lock(pool->use);
  if (pool->blocks == nullptr) return fail_ended(handle, HandleKind::kPool);
  try {
    address = pool->blocks->allocate(bytes, alignment);
  } catch (const std::bad_alloc&) {
    return fail(TERRACE_NO_ROOM, "the pool or its tiers have no room for %llu bytes",
                static_cast<unsigned long long>(bytes));
  }
  return TERRACE_OK;
}

terrace_status Context::pool_free(std::uint64_t handle, void* address) {
  const std::shared_ptr<Pool> pool = pools_.find(handle);
  if (pool == nullptr) return fail_ended(handle, HandleKind::kPool);
  const std::shared_lock lock(pool->use);
  if (pool->blocks == nullptr) return fail_ended(handle, HandleKind::kPool);
  if (address != nullptr) pool->blocks->deallocate(address, 1);
  return TERRACE_OK;
}

}  // namespace terrace::capi
