// SPDX-License-Identifier: Apache-2.0
// A fixed-capacity queue for code that may not allocate. One owner; not thread-safe.
#pragma once

#include <cstdint>

namespace terrace {

template <typename T, std::uint32_t kCapacity>
class Ring {
  static_assert((kCapacity & (kCapacity - 1)) == 0, "capacity is a power of two");

 public:
  bool empty() const { return head_ == tail_; }
  bool full() const { return tail_ - head_ == kCapacity; }
  std::uint32_t size() const { return tail_ - head_; }
  /// False when full: nothing was stored.
  bool push(const T& item) {
    if (full()) return false;
    items_[tail_++ & (kCapacity - 1)] = item;
    return true;
  }
  T& front() { return items_[head_ & (kCapacity - 1)]; }
  void pop() { ++head_; }
  T& operator[](std::uint32_t i) { return items_[(head_ + i) & (kCapacity - 1)]; }
  /// Removes the i-th item and keeps the order of the others. O(size).
  void erase(std::uint32_t i) {
    for (; i + 1 < size(); ++i) (*this)[i] = (*this)[i + 1];
    --tail_;
  }

 private:
  T items_[kCapacity] = {};
  std::uint32_t head_ = 0;
  std::uint32_t tail_ = 0;
};

}  // namespace terrace
