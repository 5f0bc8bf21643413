// SPDX-License-Identifier: Apache-2.0
// Small blocks for the C API: a oneTBB pool (terrace/memory_resource.h) whose pages are tensors
// without a name. Thread-safe; allocates.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>

#include <terrace/memory_resource.h>

#include "tiering/capi/tensor.h"

namespace terrace::capi {

struct Pool {
  std::string tier;  ///< wish; empty: the class's
  std::mutex pages_lock;
  std::map<const void*, std::shared_ptr<Tensor>> pages;
  /// Blocks come and go under a shared lock, the pool ends under an exclusive one.
  std::shared_mutex use;
  std::unique_ptr<TierMemoryResource> blocks;
};

}  // namespace terrace::capi
