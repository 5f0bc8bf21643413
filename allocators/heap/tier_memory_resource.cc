// SPDX-License-Identifier: Apache-2.0
#include <terrace/memory_resource.h>

#include <oneapi/tbb/scalable_allocator.h>

#include <cstdint>
#include <new>
#include <utility>
#include <vector>

#include "allocators/heap/os/node_pages.h"

namespace terrace {

/// The pool interface below tbb::memory_pool: the class itself offers no alignment.
struct TierMemoryResource::Pool {
  rml::MemoryPool* handle = nullptr;

  /// oneTBB hands the pool's owner to its callbacks as a number.
  static TierMemoryResource& owner(std::intptr_t number) {
    // Which was a pointer. NOLINTNEXTLINE(performance-no-int-to-ptr)
    return *reinterpret_cast<TierMemoryResource*>(number);
  }
  static void* take(std::intptr_t number, std::size_t& bytes) {
    if (bytes > PTRDIFF_MAX) return nullptr;
    bytes = round_up_to_block(Bytes(bytes)).value;
    return owner(number).take_pages(bytes);
  }
  static int give_back(std::intptr_t number, void* pages, std::size_t bytes) {
    return owner(number).return_pages(pages, bytes) ? 0 : -1;
  }
  ~Pool() {
    if (handle != nullptr) rml::pool_destroy(handle);
  }
};

TierMemoryResource::TierMemoryResource(PageSource source, Bytes capacity)
    : source_(std::move(source)), capacity_(capacity), pool_(std::make_unique<Pool>()) {}

TierMemoryResource::~TierMemoryResource() = default;

Result<std::unique_ptr<TierMemoryResource>> TierMemoryResource::create(const Tier& tier) {
  if (tier.emulated())
    return make_error(ErrorCode::kUsage, 0,
                      "tier %s: its pages come from an emulated link; give that link's page source "
                      "to create_from()",
                      tier.name.c_str());
  if (tier.backing == BackingKind::kDax)
    return make_error(ErrorCode::kUsage, 0,
                      "tier %s: it has no nodes to take pages from; map %s with DaxMap and give "
                      "that page source to create_from()",
                      tier.name.c_str(), tier.path.c_str());
  // Learn now, not at the first allocation, that binding is refused.
  if (const auto tried = os::NodePages::map(kBlockBytes, tier.nodes); !tried) return tried.error();
  PageSource source;
  source.map = [nodes = tier.nodes](std::size_t bytes) -> void* {
    auto pages = os::NodePages::map(Bytes(bytes), nodes);
    return pages ? pages->release() : nullptr;
  };
  source.unmap = [](void* pages, std::size_t bytes) {
    return os::unmap_pages(static_cast<std::byte*>(pages), bytes);
  };
  return create_from(std::move(source), tier.capacity.value);
}

Result<std::unique_ptr<TierMemoryResource>> TierMemoryResource::create_from(PageSource source,
                                                                            Bytes capacity) {
  std::unique_ptr<TierMemoryResource> resource(new TierMemoryResource(std::move(source), capacity));
  const rml::MemPoolPolicy policy(&Pool::take, &Pool::give_back, kBlockBytes.value);
  const rml::MemPoolError created = rml::pool_create_v1(
      reinterpret_cast<std::intptr_t>(resource.get()), &policy, &resource->pool_->handle);
  // A pool asks for its first pages with its first object: try one, so that a source that has
  // none is found here.
  void* const first =
      created == rml::POOL_OK ? rml::pool_malloc(resource->pool_->handle, 1) : nullptr;
  if (first == nullptr)
    return make_error(ErrorCode::kUsage, 0,
                      "no memory pool fits into %llu KiB; it starts with one block of 2 MiB that "
                      "its page source must supply",
                      static_cast<unsigned long long>(capacity.value >> 10));
  rml::pool_free(resource->pool_->handle, first);
  return resource;
}

/// Counts before it maps, so that two threads cannot both take the last pages.
void* TierMemoryResource::take_pages(std::size_t bytes) {
  std::uint64_t held = held_.load(std::memory_order_relaxed);
  do {
    if (bytes > capacity_.value - held) return nullptr;
  } while (!held_.compare_exchange_weak(held, held + bytes, std::memory_order_relaxed));
  void* const pages = source_.map(bytes);
  if (pages == nullptr) held_.fetch_sub(bytes, std::memory_order_relaxed);
  return pages;
}

bool TierMemoryResource::return_pages(void* pages, std::size_t bytes) {
  if (!source_.unmap(pages, bytes)) return false;
  held_.fetch_sub(bytes, std::memory_order_relaxed);
  return true;
}

void* TierMemoryResource::do_allocate(std::size_t bytes, std::size_t alignment) {
  void* const memory = rml::pool_aligned_malloc(pool_->handle, bytes == 0 ? 1 : bytes, alignment);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

void TierMemoryResource::do_deallocate(void* memory, std::size_t, std::size_t) {
  rml::pool_free(pool_->handle, memory);
}

}  // namespace terrace
