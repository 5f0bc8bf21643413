// SPDX-License-Identifier: Apache-2.0
// Which blocks of a pool are in use: the lowest free one is given first, so that equal requests get
// equal blocks. Used by the workloads with a KV cache. Not thread-safe; allocates on construction.
#pragma once

#include <cstdint>
#include <functional>
#include <queue>
#include <vector>

#include "tiering/policy/machine.h"

namespace terrace::simulate {

class BlockPool {
 public:
  BlockPool(policy::BlockId first, std::uint32_t count) {
    for (std::uint32_t i = 0; i < count; ++i) free_.push(first + i);
  }
  std::size_t free_blocks() const { return free_.size(); }
  /// At least one block must be free.
  policy::BlockId take() {
    const policy::BlockId block = free_.top();
    free_.pop();
    return block;
  }
  void give_back(policy::BlockId block) { free_.push(block); }

 private:
  std::priority_queue<policy::BlockId, std::vector<policy::BlockId>, std::greater<>> free_;
};

}  // namespace terrace::simulate
