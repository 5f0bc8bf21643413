// SPDX-License-Identifier: Apache-2.0
// What shall fail in a program under the shim with the fault injector, and whether it did: a file
// that the test writes and the program's processes map, named by TERRACE_TEST_FAULT.
#pragma once

#include <atomic>

#include "allocators/os/fault_point.h"

namespace terrace::testing_support {

struct FaultOrder {
  int call = 0;  ///< os::SystemCall
  int nth = 0;   ///< in each process from its start
  int error = 0;
  os::Fails fails = os::Fails::kOnce;
  std::atomic<int> failed{0};  ///< calls that did, in all processes
};

}  // namespace terrace::testing_support
