// SPDX-License-Identifier: Apache-2.0
// Handles of the C API and what they stand for. A handle is a number that is never given out a
// second time in a context's life (until 2^24 reuses of one slot), so that a stale one is found out
// without looking at what it once stood for:
//     kind 4 bits | context 16 bits | generation 24 bits | slot 20 bits
// Tables are thread-safe and allocate. find() does not: threads that look for different handles do
// not write to the same memory.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include <terrace/kv.h>

namespace terrace::capi {

enum class HandleKind : std::uint8_t {
  kContext = 1,
  kTensor = 2,
  kJob = 3,
  kPool = 4,
  kKv = 5,
  kSequence = 6,
};

constexpr HandleKind kind_of(terrace_context) {
  return HandleKind::kContext;
}
constexpr HandleKind kind_of(terrace_tensor) {
  return HandleKind::kTensor;
}
constexpr HandleKind kind_of(terrace_job) {
  return HandleKind::kJob;
}
constexpr HandleKind kind_of(terrace_pool) {
  return HandleKind::kPool;
}
constexpr HandleKind kind_of(terrace_kv) {
  return HandleKind::kKv;
}
constexpr HandleKind kind_of(terrace_sequence) {
  return HandleKind::kSequence;
}

inline constexpr std::uint32_t kMaxSlots = 1u << 20;
inline constexpr std::uint32_t kMaxGeneration = (1u << 24) - 1;

struct HandleParts {
  std::uint32_t context = 0;
  std::uint32_t generation = 0;
  std::uint32_t slot = 0;
};

constexpr std::uint64_t make_handle(HandleKind kind, HandleParts parts) {
  return static_cast<std::uint64_t>(kind) << 60 | std::uint64_t{parts.context} << 44 |
         std::uint64_t{parts.generation} << 20 | parts.slot;
}
constexpr bool is_of_kind(std::uint64_t handle, HandleKind kind) {
  return handle >> 60 == static_cast<std::uint64_t>(kind);
}
constexpr HandleParts parts_of(std::uint64_t handle) {
  return {static_cast<std::uint32_t>(handle >> 44 & 0xFFFF),
          static_cast<std::uint32_t>(handle >> 20 & kMaxGeneration),
          static_cast<std::uint32_t>(handle & (kMaxSlots - 1))};
}

/// Guards one slot for as long as a pointer is copied. Spins, since whoever holds it is soon done,
/// unless it was taken off its core.
class SlotLock {
 public:
  void lock() {
    for (int tries = 0; held_.exchange(true, std::memory_order_acquire); ++tries) {
      if (tries < kYields) {
        std::this_thread::yield();
      } else {
        // To a holder of lower real-time priority yield() does not give the core.
        std::this_thread::sleep_for(std::chrono::microseconds(50));
      }
    }
  }
  void unlock() { held_.store(false, std::memory_order_release); }

 private:
  static constexpr int kYields = 100;
  std::atomic<bool> held_{false};
};

/// Things of one kind in one context, by handle. What was found stays alive while it is held.
/// Slots stand in pieces, each twice as large as the one before, that stay where they are.
template <typename T>
class HandleTable {
 public:
  HandleTable(HandleKind kind, std::uint32_t context) : kind_(kind), context_(context) {}
  HandleTable(const HandleTable&) = delete;
  HandleTable& operator=(const HandleTable&) = delete;
  ~HandleTable() {
    for (const auto& piece : pieces_) delete[] piece.load();
  }

  /// 0: a million are alive.
  std::uint64_t add(std::shared_ptr<T> thing) {
    const std::lock_guard lock(mutex_);
    if (free_.empty()) {
      if (count_ == kMaxSlots) return 0;
      make_slot();
    }
    const std::uint32_t number = free_.back();
    free_.pop_back();
    Slot& slot = *slot_at(number);
    const std::lock_guard own(slot.lock);
    slot.thing = std::move(thing);
    return make_handle(kind_, {context_, slot.generation, number});
  }

  /// Null when there is none.
  std::shared_ptr<T> find(std::uint64_t handle) const {
    Slot* const slot = slot_of(handle);
    if (slot == nullptr) return nullptr;
    const std::lock_guard own(slot->lock);
    return slot->generation == parts_of(handle).generation ? slot->thing : nullptr;
  }

  /// Null when somebody else was first.
  std::shared_ptr<T> remove(std::uint64_t handle) {
    const std::lock_guard lock(mutex_);
    Slot* const slot = slot_of(handle);
    if (slot == nullptr) return nullptr;
    const std::lock_guard own(slot->lock);
    if (slot->generation != parts_of(handle).generation) return nullptr;
    std::shared_ptr<T> thing = std::exchange(slot->thing, nullptr);
    if (thing == nullptr) return nullptr;
    // A slot whose generations are used up rests for good.
    if (slot->generation++ < kMaxGeneration) free_.push_back(parts_of(handle).slot);
    return thing;
  }

  std::vector<std::shared_ptr<T>> all() const {
    const std::lock_guard lock(mutex_);
    std::vector<std::shared_ptr<T>> things;
    for (std::uint32_t number = 0; number < count_; ++number) {
      Slot& slot = *slot_at(number);
      const std::lock_guard own(slot.lock);
      if (slot.thing != nullptr) things.push_back(slot.thing);
    }
    return things;
  }

 private:
  /// A line of memory of its own, so that threads at neighbours do not disturb each other.
  struct alignas(64) Slot {
    SlotLock lock;
    std::uint32_t generation = 1;
    std::shared_ptr<T> thing;
  };
  static constexpr std::uint32_t kFirstPiece = 64;
  static constexpr std::size_t kPieces = std::bit_width(kMaxSlots / kFirstPiece + 1);

  static std::size_t piece_of(std::uint32_t number) {
    return static_cast<std::size_t>(std::bit_width(number / kFirstPiece + 1)) - 1;
  }
  /// Null: its piece was never made.
  Slot* slot_at(std::uint32_t number) const {
    const std::size_t piece = piece_of(number);
    Slot* const slots = pieces_[piece].load(std::memory_order_acquire);
    const std::uint32_t before = kFirstPiece * ((1u << piece) - 1);
    return slots == nullptr ? nullptr : slots + (number - before);
  }
  Slot* slot_of(std::uint64_t handle) const {
    const HandleParts parts = parts_of(handle);
    const bool mine = is_of_kind(handle, kind_) && parts.context == context_;
    return mine ? slot_at(parts.slot) : nullptr;
  }
  /// Under mutex_.
  void make_slot() {
    free_.reserve(count_ + 1);  // so that remove() cannot fail
    const std::size_t piece = piece_of(count_);
    if (pieces_[piece].load(std::memory_order_relaxed) == nullptr) {
      pieces_[piece].store(new Slot[std::size_t{kFirstPiece} << piece], std::memory_order_release);
    }
    free_.push_back(count_++);
  }

  const HandleKind kind_;
  const std::uint32_t context_;
  mutable std::mutex mutex_;  ///< taken before a slot's
  std::array<std::atomic<Slot*>, kPieces> pieces_{};
  std::uint32_t count_ = 0;
  std::vector<std::uint32_t> free_;
};

}  // namespace terrace::capi
