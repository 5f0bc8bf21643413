// SPDX-License-Identifier: Apache-2.0
// How to wait for a lock that is held for some hundred nanoseconds nearly always: it is looked at
// again at once, then the core is given to others, then slept, since to a holder of lower real-time
// priority yielding does not give the core. Nobody has to be woken, so that to unlock costs a plain
// store. Used by cache_lock.h. One object for one wait, by one thread; never allocates.
#pragma once

#include <thread>

#include "allocators/os/clock.h"

namespace terrace::kv {

class Backoff {
 public:
  /// Once for each time that it was found taken.
  void wait() {
    if (tries_ < kLooks) {
      os::relax();
    } else if (tries_ < kLooks + kYields) {
      std::this_thread::yield();
    } else {
      return os::sleep_for(kSleep);
    }
    ++tries_;
  }

 private:
  static constexpr int kLooks = 200;
  static constexpr int kYields = 100;
  static constexpr Nanoseconds kSleep = Nanoseconds(50000);
  int tries_ = 0;
};

}  // namespace terrace::kv
