// SPDX-License-Identifier: Apache-2.0
#include "allocators/extent/arena.h"

#include <new>

#include "allocators/os/mapping.h"

namespace terrace::extent {
namespace {

void* table(std::uint64_t bytes) {
  const Bytes size = round_up_to_block(Bytes(bytes));
  void* at = os::reserve_address_space(size);
  if (at == nullptr || os::map_private(at, size, os::PageAdvice::kNone) == 0) return at;
  os::unmap(at, size);
  return nullptr;
}

void release_table(void* at, std::uint64_t bytes) {
  if (at != nullptr) os::unmap(at, round_up_to_block(Bytes(bytes)));
}

}  // namespace

Status Arena::open() {
  Bytes span(os::physical_memory().value * 8);
  if (span < GiB(64)) span = GiB(64);
  span = round_up_to_block(span);
  void* base = os::reserve_address_space(span);
  const std::uint64_t blocks = span.value >> kBlockShift;
  owner_ = static_cast<std::atomic<std::uint32_t>*>(table(blocks * sizeof(std::uint32_t)));
  reserved_ = static_cast<std::uint32_t*>(table(blocks * sizeof(std::uint32_t)));
  tiers_ = static_cast<std::uint8_t*>(table(blocks));
  pool_blocks_ = static_cast<std::uint32_t*>(table(blocks * sizeof(std::uint32_t)));
  objects_ = static_cast<Object*>(table(kMaxObjects * sizeof(Object)));
  if (base == nullptr || owner_ == nullptr || reserved_ == nullptr || tiers_ == nullptr ||
      pool_blocks_ == nullptr || objects_ == nullptr) {
    release_table(base, span.value);
    release_table(owner_, blocks * sizeof(std::uint32_t));
    release_table(reserved_, blocks * sizeof(std::uint32_t));
    release_table(tiers_, blocks);
    release_table(pool_blocks_, blocks * sizeof(std::uint32_t));
    release_table(objects_, kMaxObjects * sizeof(Object));
    return make_error(ErrorCode::kCapabilityMissing, 0,
                      "no address space for %llu GiB of objects; lift the limit of address space "
                      "(ulimit -v) for this program",
                      static_cast<unsigned long long>(span.value >> 30));
  }
  base_ = reinterpret_cast<std::uintptr_t>(base);
  span_.store(span.value, std::memory_order_release);
  return ok_status();
}

void Arena::close() {
  const std::uint64_t span = span_.exchange(0);
  if (span == 0) return;
  const std::uint64_t blocks = span >> kBlockShift;
  release_table(reinterpret_cast<void*>(base_), span);
  release_table(owner_, blocks * sizeof(std::uint32_t));
  release_table(reserved_, blocks * sizeof(std::uint32_t));
  release_table(tiers_, blocks);
  release_table(pool_blocks_, blocks * sizeof(std::uint32_t));
  release_table(objects_, kMaxObjects * sizeof(Object));
  slots_used_ = 0;
  first_free_slot_ = 0;
}

Object* Arena::find(const void* address) const {
  if (!contains(address)) return nullptr;
  const std::uint32_t owner = owner_[block_of(address)].load(std::memory_order_acquire);
  return owner != 0 ? &objects_[owner - 1] : nullptr;
}

/// First fit: steps over live objects whole, so the cost is in objects, not in their blocks.
std::uint32_t Arena::find_space(std::uint32_t blocks, std::uint32_t align_blocks) const {
  const auto total = static_cast<std::uint32_t>(block_count());
  // The base is aligned to one block, not to align_blocks: addresses are what must be aligned.
  const std::uint64_t base_block = base_ >> kBlockShift;
  auto aligned = [&](std::uint32_t from) {
    const auto past = static_cast<std::uint32_t>((base_block + from) % align_blocks);
    return past == 0 ? from : from + (align_blocks - past);
  };
  std::uint32_t start = aligned(0);
  for (std::uint32_t block = start; block < total && start + blocks + apart_ <= total;) {
    if (reserved_[block] == kSurrendered) {
      start = aligned(block + 1);
      block = start;
    } else if (reserved_[block] != 0) {
      const Object& object = objects_[reserved_[block] - 1];
      start = aligned(object.first_block + object.block_count + apart_);
      block = start;
    } else if (++block - start >= blocks + apart_) {
      return start;
    }
  }
  return total;
}

/// A reset record, in use from here on; nullptr: none left.
Object* Arena::take_slot() {
  std::uint32_t slot = first_free_slot_;
  while (slot < slots_used_ && objects_[slot].pages != Pages::kNone) ++slot;
  if (slot >= kMaxObjects) return nullptr;
  first_free_slot_ = slot + 1;
  if (slot == slots_used_) ++slots_used_;
  Object* object = new (&objects_[slot]) Object;
  object->pages = Pages::kOrdinary;
  return object;
}

void Arena::free_slot(Object& object) {
  object.file.close();
  object.pages = Pages::kNone;
  if (index_of(object) < first_free_slot_) first_free_slot_ = index_of(object);
}

Object* Arena::carve(std::uint32_t blocks, std::uint32_t align_blocks) {
  if (blocks == 0) return nullptr;
  const std::uint32_t first = find_space(blocks, align_blocks);
  if (first >= block_count()) return nullptr;
  Object* object = take_slot();
  if (object == nullptr) return nullptr;
  object->first_block = first;
  object->block_count = blocks;
  for (std::uint32_t i = 0; i < blocks; ++i) {
    reserved_[first + i] = index_of(*object) + 1;
    tiers_[first + i] = kNoTier;
  }
  return object;
}

Object* Arena::split(Object& object, std::uint32_t blocks) {
  Object* const tail = take_slot();
  if (tail == nullptr) return nullptr;
  tail->first_block = object.first_block + blocks;
  tail->block_count = object.block_count - blocks;
  object.block_count = blocks;
  for (std::uint32_t i = 0; i < tail->block_count; ++i) {
    reserved_[tail->first_block + i] = index_of(*tail) + 1;
  }
  return tail;
}

void Arena::join(Object& first, Object& second) {
  for (std::uint32_t i = 0; i < second.block_count; ++i) {
    reserved_[second.first_block + i] = index_of(first) + 1;
  }
  first.block_count += second.block_count;
  free_slot(second);
}

void Arena::publish(Object& object) {
  const std::uint32_t index = index_of(object);
  for (std::uint32_t i = 0; i < object.block_count; ++i) {
    owner_[object.first_block + i].store(index + 1, std::memory_order_release);
  }
}

void Arena::withdraw(const Object& object) {
  for (std::uint32_t i = 0; i < object.block_count; ++i) {
    owner_[object.first_block + i].store(0, std::memory_order_release);
  }
}

void Arena::free_blocks(std::uint32_t first, std::uint32_t count) {
  for (std::uint32_t block = first; block < first + count; ++block) {
    owner_[block].store(0, std::memory_order_release);
    if (reserved_[block] != kSurrendered) reserved_[block] = 0;
  }
}

void Arena::shrink(Object& object, std::uint32_t blocks) {
  free_blocks(object.first_block + blocks, object.block_count - blocks);
  object.block_count = blocks;
}

bool Arena::extend(Object& object, std::uint32_t blocks) {
  const std::uint32_t first = object.first_block + object.block_count;
  const std::uint32_t end = object.first_block + blocks;
  if (end + apart_ > block_count()) return false;
  for (std::uint32_t block = first; block < end + apart_; ++block) {
    if (reserved_[block] != 0) return false;
  }
  for (std::uint32_t block = first; block < end; ++block) {
    reserved_[block] = index_of(object) + 1;
    tiers_[block] = kNoTier;
  }
  object.block_count = blocks;
  return true;
}

void Arena::surrender(std::uint32_t first, std::uint32_t count) {
  for (std::uint32_t block = first; block < first + count; ++block) {
    reserved_[block] = kSurrendered;
  }
}

void Arena::release(Object& object) {
  free_blocks(object.first_block, object.block_count);
  free_slot(object);
}

}  // namespace terrace::extent
