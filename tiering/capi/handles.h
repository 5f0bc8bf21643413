// SPDX-License-Identifier: Apache-2.0
// Handles of the C API and what they stand for. A handle is a number that is never given out a
// second time in a context's life (until 2^24 reuses of one slot), so that a stale one is found out
// without looking at what it once stood for:
//     kind 4 bits | context 16 bits | generation 24 bits | slot 20 bits
// Tables are thread-safe and allocate.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <utility>
#include <vector>

namespace terrace::capi {

enum class HandleKind : std::uint8_t {
  kContext = 1,
  kTensor = 2,
  kJob = 3,
  kPool = 4,
  kKv = 5,
  kSequence = 6,
};

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

/// Things of one kind in one context, by handle. What was found stays alive while it is held.
template <typename T>
class HandleTable {
 public:
  HandleTable(HandleKind kind, std::uint32_t context) : kind_(kind), context_(context) {}

  /// 0: a million are alive.
  std::uint64_t add(std::shared_ptr<T> thing) {
    const std::lock_guard lock(mutex_);
    if (free_.empty()) {
      if (slots_.size() == kMaxSlots) return 0;
      free_.reserve(slots_.size() + 1);  // so that remove() cannot fail
      free_.push_back(static_cast<std::uint32_t>(slots_.size()));
      slots_.emplace_back();
    }
    const std::uint32_t slot = free_.back();
    free_.pop_back();
    slots_[slot].thing = std::move(thing);
    return make_handle(kind_, {context_, slots_[slot].generation, slot});
  }

  /// Null when there is none.
  std::shared_ptr<T> find(std::uint64_t handle) const {
    const std::shared_lock lock(mutex_);
    return holds(handle) ? slots_[parts_of(handle).slot].thing : nullptr;
  }

  /// Null when somebody else was first.
  std::shared_ptr<T> remove(std::uint64_t handle) {
    const std::lock_guard lock(mutex_);
    if (!holds(handle)) return nullptr;
    const std::uint32_t slot = parts_of(handle).slot;
    std::shared_ptr<T> thing = std::move(slots_[slot].thing);
    slots_[slot].thing = nullptr;
    // A slot whose generations are used up rests for good.
    if (slots_[slot].generation++ < kMaxGeneration) free_.push_back(slot);
    return thing;
  }

  std::vector<std::shared_ptr<T>> all() const {
    const std::shared_lock lock(mutex_);
    std::vector<std::shared_ptr<T>> things;
    for (const Slot& slot : slots_) {
      if (slot.thing != nullptr) things.push_back(slot.thing);
    }
    return things;
  }

 private:
  struct Slot {
    std::uint32_t generation = 1;
    std::shared_ptr<T> thing;
  };

  bool holds(std::uint64_t handle) const {
    const HandleParts parts = parts_of(handle);
    return is_of_kind(handle, kind_) && parts.context == context_ && parts.slot < slots_.size() &&
           slots_[parts.slot].generation == parts.generation && slots_[parts.slot].thing != nullptr;
  }

  const HandleKind kind_;
  const std::uint32_t context_;
  mutable std::shared_mutex mutex_;
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_;
};

}  // namespace terrace::capi
