// SPDX-License-Identifier: Apache-2.0
#include "allocators/extent/watched_copy.h"

#include <cstring>

namespace terrace::extent {

void copy_watched(void* to, const void* from, std::size_t size) {
  std::memcpy(to, from, size);
}

}  // namespace terrace::extent
