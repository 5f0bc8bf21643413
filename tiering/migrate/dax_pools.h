// SPDX-License-Identifier: Apache-2.0
// The mover's own blocks on DAX tiers: one BlockPool for each path that an order named, kept until
// the mover ends. Memory that an order moved there stays on its blocks after that: a mapping keeps
// a device's blocks locked and a file's pages alive. Thread-safe; allocates.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include <terrace/result.h>
#include <terrace/tier.h>

#include "allocators/backing/block_pool.h"
#include "allocators/os/mapping_facts.h"

namespace terrace::migrate {

/// One open pool; BlockPool itself is not for several threads.
class DaxPool {
 public:
  DaxPool() = default;
  ~DaxPool();
  DaxPool(const DaxPool&) = delete;
  DaxPool& operator=(const DaxPool&) = delete;

  Status open(const Tier& tier);
  backing::PoolRun claim(std::uint32_t wanted);
  void give_back(backing::PoolRun run);
  /// Is a mapping of this pool's file? A named file or device is shared with other holders, so
  /// this does not say that the blocks are ours; giving back others' changes nothing.
  bool has(const os::FileIdentity& file) const { return file == identity_; }
  int fd() const { return pool_.fd(); }
  /// Our own mapping of claimed blocks. It stays, so that only the first move onto a file's block
  /// pays for its page-table entries (512 faults, as long as the copy itself).
  void* view(backing::PoolRun run) const {
    return view_ + backing::BlockPool::offset_of(run.first);
  }
  /// The same of any part of the file; nullptr where the pool does not reach.
  const void* view_at(std::uint64_t offset, Bytes length) const {
    const bool inside = length <= size() && offset <= (size() - length).value;
    return inside ? view_ + offset : nullptr;
  }

 private:
  Bytes size() const { return Bytes(backing::BlockPool::offset_of(pool_.block_count())); }

  std::mutex mutex_;
  backing::BlockPool pool_;
  os::FileIdentity identity_;
  char* view_ = nullptr;  ///< all blocks, ours or not
};

class DaxPools {
 public:
  /// Opened at the first order; an error is tried again at the next.
  Result<DaxPool*> at(const Tier& tier);
  /// The pool whose file this is; nullptr: none of ours.
  DaxPool* of(const os::FileIdentity& file);

 private:
  std::mutex mutex_;
  std::map<std::string, std::unique_ptr<DaxPool>> by_path_;
};

}  // namespace terrace::migrate
