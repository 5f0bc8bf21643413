// SPDX-License-Identifier: Apache-2.0
#include <atomic>

#include "allocators/os/fault_point.h"

namespace terrace::os {
namespace {

struct Armed {
  std::atomic<int> countdown{0};
  std::atomic<int> error{0};
  std::atomic<Fails> fails{Fails::kOnce};
};
constinit Armed armed[static_cast<int>(SystemCall::kCount)];
constinit std::atomic<int> uncounted{0};
constinit std::atomic<std::atomic<int>*> injected{&uncounted};

}  // namespace

int injected_error(SystemCall call) {
  Armed& fault = armed[static_cast<int>(call)];
  if (fault.countdown.load(std::memory_order_relaxed) <= 0) return 0;
  const int before = fault.countdown.fetch_sub(1);
  if (before != 1) return 0;
  if (fault.fails.load() == Fails::kFromThenOn) fault.countdown.store(1);
  injected.load()->fetch_add(1);
  return fault.error.load();
}

void inject_fault(SystemCall call, int nth, int error, Fails fails) {
  Armed& fault = armed[static_cast<int>(call)];
  fault.error.store(error);
  fault.fails.store(fails);
  fault.countdown.store(nth);
}

void count_injected_faults_in(std::atomic<int>& counter) {
  injected.store(&counter);
}

}  // namespace terrace::os
