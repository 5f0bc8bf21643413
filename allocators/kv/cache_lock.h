// SPDX-License-Identifier: Apache-2.0
// The cache's lock: shared for look-ups, alone for changes of blocks. What is done under it takes
// some hundred nanoseconds, so whoever finds it taken spins before it sleeps; a std::shared_mutex
// sleeps at once, and two threads that append then wake each other for every block.
#pragma once

#include <oneapi/tbb/rw_mutex.h>

namespace terrace::kv {

using CacheLock = tbb::rw_mutex;

}  // namespace terrace::kv
