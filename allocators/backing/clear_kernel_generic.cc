// SPDX-License-Identifier: Apache-2.0
// Other machines: the C library's memset, which uses what the CPU has (DC ZVA on Arm).
#include <cstring>

#include "allocators/backing/clear_kernel.h"

namespace terrace::backing {

void clear_streaming(void* at, std::size_t bytes) {
  std::memset(at, 0, bytes);
}

}  // namespace terrace::backing
