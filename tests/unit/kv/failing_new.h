// SPDX-License-Identifier: Apache-2.0
// operator new that has no memory when a test says so: for the n-th allocation of the test's own
// thread, or for each of all other threads. Used by the tests of what is left behind then.
// One of the two at a time; thread-safe as to who allocates.
#pragma once

#include <cstdint>

namespace terrace {

/// As long as it lives, the n-th allocation of the thread that made it throws std::bad_alloc.
class NthNewFails {
 public:
  explicit NthNewFails(std::uint64_t nth);
  ~NthNewFails();
  NthNewFails(const NthNewFails&) = delete;
  NthNewFails& operator=(const NthNewFails&) = delete;

  /// There were so many.
  bool failed() const;
};

/// As long as it lives, no thread but that which made it gets memory.
class OthersNewFails {
 public:
  OthersNewFails();
  ~OthersNewFails();
  OthersNewFails(const OthersNewFails&) = delete;
  OthersNewFails& operator=(const OthersNewFails&) = delete;

  /// Allocations that threw.
  std::uint64_t failures() const;
};

}  // namespace terrace
