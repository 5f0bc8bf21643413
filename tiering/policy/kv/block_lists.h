// SPDX-License-Identifier: Apache-2.0
// Many lists over one set of numbered members, each member in one list at most: members by age, or
// what may be evicted by class and age. Links lie in two arrays, so nothing is allocated later.
// Used by the policy `terrace`. Not thread-safe. Every operation O(1).
#pragma once

#include <cstdint>
#include <vector>

namespace terrace::policy {

class BlockLists {
 public:
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};

  BlockLists(std::uint32_t members, std::uint32_t lists)
      : members_(members), before_(members + lists), after_(members + lists) {
    for (std::uint32_t i = 0; i < members + lists; ++i) before_[i] = after_[i] = i;
  }

  void append(std::uint32_t list, std::uint32_t member) {
    const std::uint32_t head = members_ + list;
    const std::uint32_t last = before_[head];
    before_[member] = last;
    after_[member] = head;
    after_[last] = member;
    before_[head] = member;
  }
  /// Nothing happens when it is in no list.
  void remove(std::uint32_t member) {
    after_[before_[member]] = after_[member];
    before_[after_[member]] = before_[member];
    before_[member] = after_[member] = member;
  }
  /// The member that was appended first; kNone when there is none.
  std::uint32_t first(std::uint32_t list) const {
    const std::uint32_t member = after_[members_ + list];
    return member < members_ ? member : kNone;
  }
  bool empty(std::uint32_t list) const { return first(list) == kNone; }

 private:
  std::uint32_t members_;
  std::vector<std::uint32_t> before_;
  std::vector<std::uint32_t> after_;
};

}  // namespace terrace::policy
