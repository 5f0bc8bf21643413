// SPDX-License-Identifier: Apache-2.0
// The address space of all objects, in one reservation, so that "is it ours?" is one compare, and
// a map from each 2 MiB block to its object and tier. Reading the registry takes no lock; carving
// and releasing are serialised by the runtime's lock. Never allocates from the heap.
#pragma once

#include <atomic>
#include <cstdint>

#include <terrace/result.h>
#include <terrace/units.h>

#include "allocators/extent/object.h"

namespace terrace::extent {

constexpr Bytes size_of(std::uint32_t blocks) {
  return Bytes(static_cast<std::uint64_t>(blocks) << kBlockShift);
}

class Arena {
 public:
  static constexpr std::uint32_t kMaxObjects = 1u << 16;

  constexpr Arena() = default;
  /// Reserves address space for eight times the machine's memory (at least 64 GiB) and the tables.
  Status open();
  /// From now on a free block is left between two objects, so that the kernel makes no single
  /// mapping of neighbours: its referenced bits are told by mapping.
  void keep_objects_apart() { apart_ = 1; }
  /// Gives address space and tables back: no object is left, and nobody asks any more.
  void close();
  bool is_open() const { return span_.load(std::memory_order_acquire) != 0; }

  bool contains(const void* address) const {
    // The span is written last, so that who sees it sees the base and the tables too.
    const std::uint64_t span = span_.load(std::memory_order_acquire);
    return span != 0 && reinterpret_cast<std::uintptr_t>(address) - base_ < span;
  }
  void* base() const { return reinterpret_cast<void*>(base_); }
  std::uint64_t block_count() const { return span_.load(std::memory_order_relaxed) >> kBlockShift; }
  std::uint32_t block_of(const void* address) const {
    return static_cast<std::uint32_t>((reinterpret_cast<std::uintptr_t>(address) - base_) >>
                                      kBlockShift);
  }
  char* address_of(std::uint32_t block) const {
    return reinterpret_cast<char*>(base_ + (static_cast<std::uintptr_t>(block) << kBlockShift));
  }

  /// The live object that covers `address`, or nullptr. Lock-free.
  Object* find(const void* address) const;
  /// Address space for `blocks` blocks at a multiple of `align_blocks`; nullptr: no space or no
  /// record left. The record is reset, its span set, and find() knows it when published.
  Object* carve(std::uint32_t blocks, std::uint32_t align_blocks);
  void publish(Object& object);
  /// find() knows it no more; its address space stays taken.
  void withdraw(const Object& object);
  /// The object keeps its first `blocks` blocks, the others may be carved again.
  void shrink(Object& object, std::uint32_t blocks);
  /// Takes the blocks behind the object as well, up to `blocks` in all; false: not free.
  bool extend(Object& object, std::uint32_t blocks);
  /// The object keeps its first `blocks` blocks; the others become an object of their own,
  /// withdrawn. nullptr: no record left, nothing changed.
  Object* split(Object& object, std::uint32_t blocks);
  /// The blocks of `second`, which begins where `first` ends, become the first's; both are
  /// withdrawn.
  void join(Object& first, Object& second);
  /// Blocks that something else is mapped over: never carved again.
  void surrender(std::uint32_t first, std::uint32_t count);
  bool is_surrendered(const void* address) const {
    return contains(address) && reserved_[block_of(address)] == kSurrendered;
  }
  /// The blocks may be carved again. The caller has unmapped them.
  void release(Object& object);

  /// Tier of each of the object's blocks, writable.
  std::uint8_t* tiers_of(const Object& object) const { return tiers_ + object.first_block; }
  /// Index + 1 of the DAX pool's block under a block of the arena, writable; 0: none.
  std::uint32_t& pool_block_at(std::uint32_t block) const { return pool_blocks_[block]; }
  /// Objects by index, live or not; for walks under the runtime's lock.
  std::uint32_t object_slots() const { return slots_used_; }
  Object& slot(std::uint32_t index) const { return objects_[index]; }

 private:
  static constexpr std::uint32_t kSurrendered = ~0u;

  Object* take_slot();
  void free_slot(Object& object);
  std::uint32_t index_of(const Object& object) const {
    return static_cast<std::uint32_t>(&object - objects_);
  }
  void free_blocks(std::uint32_t first, std::uint32_t count);
  std::uint32_t find_space(std::uint32_t blocks, std::uint32_t align_blocks) const;

  std::uintptr_t base_ = 0;
  std::atomic<std::uint64_t> span_{0};
  std::atomic<std::uint32_t>* owner_ = nullptr;  ///< object index + 1 for each block
  std::uint32_t* reserved_ = nullptr;            ///< the same from carve() to release()
  std::uint8_t* tiers_ = nullptr;
  std::uint32_t* pool_blocks_ = nullptr;
  Object* objects_ = nullptr;
  std::uint32_t slots_used_ = 0;
  std::uint32_t first_free_slot_ = 0;
  std::uint32_t apart_ = 0;  ///< free blocks between objects
};

}  // namespace terrace::extent
