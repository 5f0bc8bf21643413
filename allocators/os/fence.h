// SPDX-License-Identifier: Apache-2.0
// Puts a watched mapping over another range in one step, so that from that moment on whoever
// touches the range waits for its page. A mapping stays watched over mremap only with
// UFFD_FEATURE_EVENT_REMAP, and then mremap returns only when another thread has read the event:
// hence the kernel call is made by a helper that lives for this one call. The helper is a bare
// kernel thread: no heap, no thread-local storage, no libc start-up, so that it can be had anywhere
// inside another program, fork handlers included.
// Used by allocators/extent/post_copy. One object for one move, by one thread; never allocates.
#pragma once

#include <atomic>
#include <cstdint>

#include <terrace/units.h>

#include "allocators/os/userfault.h"

namespace terrace::os {

/// Addresses that threads wait for, the latest few: they are served first, nothing is lost with
/// those that did not fit.
class Waiting {
 public:
  void add(std::uintptr_t address) {
    if (count_ < kCapacity) addresses_[count_++] = address;
  }
  bool take(std::uintptr_t& address) {
    if (count_ == 0) return false;
    address = addresses_[--count_];
    return true;
  }

 private:
  static constexpr std::uint32_t kCapacity = 64;
  std::uintptr_t addresses_[kCapacity];
  std::uint32_t count_ = 0;
};

class FenceMove {
 public:
  FenceMove() = default;
  FenceMove(const FenceMove&) = delete;
  FenceMove& operator=(const FenceMove&) = delete;
  ~FenceMove();

  /// `faults` is open for FaultUse::kFence and watches [from, from+size). Returns when `to` shows
  /// the mapping and pages can be given to it, or with an errno value when nothing changed. Adds
  /// the faults that came meanwhile to `waiting`.
  int run(const UserFault& faults, void* from, Bytes size, void* to, Waiting& waiting);
  /// Just before the old mapping went.
  Nanoseconds began() const { return began_; }

 private:
  static constexpr std::size_t kStackBytes = 16 << 10;

  static int help(void* self);
  int start();

  void* from_ = nullptr;
  Bytes size_;
  void* to_ = nullptr;
  Nanoseconds began_;
  int error_ = 0;
  int done_ = -1;
  std::atomic<int> thread_{0};  ///< the helper's number; the kernel clears it when it is gone
  alignas(16) char stack_[kStackBytes];
};

}  // namespace terrace::os
