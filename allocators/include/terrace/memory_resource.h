// SPDX-License-Identifier: Apache-2.0
// A std::pmr::memory_resource whose memory lies in one tier: small objects by a oneTBB memory pool
// over pages of the tier's nodes. For code that links Terrace; never used inside malloc.
// Thread-safe, as its pool is: threads keep blocks of their own and free each other's.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <memory_resource>

#include <terrace/export.h>
#include <terrace/result.h>
#include <terrace/tier.h>

namespace terrace {

/// Where a pool's pages come from. Both are called by any thread that allocates or frees, and must
/// not call back into the pool.
struct PageSource {
  /// `bytes` (a multiple of 2 MiB), aligned to 2 MiB; nullptr when there are none.
  std::function<void*(std::size_t bytes)> map;
  /// Takes back what map gave, whole. False keeps it: the pool then counts it as in use for good.
  std::function<bool(void* pages, std::size_t bytes)> unmap;
};

/// Small blocks in one tier, for std::pmr containers.
class TERRACE_API TierMemoryResource final : public std::pmr::memory_resource {
 public:
  /// Up to the tier's capacity, in pages of its nodes. Errors: kUsage for an emulated tier (its
  /// pages come from its link: use create_from) or one smaller than a pool's first 2 MiB,
  /// kCapabilityMissing when pages cannot be bound to the nodes.
  static Result<std::unique_ptr<TierMemoryResource>> create(const Tier& tier);

  /// Up to `capacity` from `source`.
  static Result<std::unique_ptr<TierMemoryResource>> create_from(PageSource source, Bytes capacity);

  /// Ends the pool and returns its pages: no object of it may be alive.
  ~TierMemoryResource() override;
  TierMemoryResource(const TierMemoryResource&) = delete;
  TierMemoryResource& operator=(const TierMemoryResource&) = delete;

  Bytes capacity() const { return capacity_; }
  /// Pages held now, in use or kept for the next allocation.
  Bytes held() const { return Bytes(held_.load(std::memory_order_relaxed)); }

 private:
  struct Pool;  ///< oneTBB's, kept out of this header

  TierMemoryResource(PageSource source, Bytes capacity);
  void* take_pages(std::size_t bytes);
  bool return_pages(void* pages, std::size_t bytes);

  /// std::bad_alloc when the tier is full or its pages are refused.
  void* do_allocate(std::size_t bytes, std::size_t alignment) override;
  void do_deallocate(void* memory, std::size_t bytes, std::size_t alignment) override;
  bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override {
    return this == &other;
  }

  PageSource source_;
  Bytes capacity_;
  std::atomic<std::uint64_t> held_{0};
  std::unique_ptr<Pool> pool_;
};

}  // namespace terrace
