// SPDX-License-Identifier: Apache-2.0
#include "allocators/os/fault_point.h"

namespace terrace::os {

int injected_error(SystemCall) {
  return 0;
}

}  // namespace terrace::os
