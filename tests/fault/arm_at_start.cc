// SPDX-License-Identifier: Apache-2.0
// The part that libterrace-preload-faulty.so has more than the shipped library: it arms the fault
// injector before the runtime starts. Runs inside the program under test: libc only.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>

#include "allocators/os/fault_point.h"
#include "tests/fault/fault_order.h"

namespace terrace::testing_support {
namespace {

// 101 is the first priority that is not the compiler's own: before the runtime's constructor.
[[gnu::constructor(101)]] void arm() {
  const char* const path = std::getenv("TERRACE_TEST_FAULT");
  if (path == nullptr) return;
  const int fd = open(path, O_RDWR | O_CLOEXEC);
  void* const mapped = mmap(nullptr, sizeof(FaultOrder), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  if (mapped == MAP_FAILED) std::abort();
  auto& order = *static_cast<FaultOrder*>(mapped);
  os::count_injected_faults_in(order.failed);
  os::inject_fault(static_cast<os::SystemCall>(order.call), order.nth, order.error, order.fails);
}

}  // namespace
}  // namespace terrace::testing_support
