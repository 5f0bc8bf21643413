// SPDX-License-Identifier: Apache-2.0
// One batch of a move by copy and remap, to a DAX tier's blocks or from a device or file to private
// memory. Beside page_batch.h the third file on the walk of docs/life-of-a-move.md. Ranges are
// whole blocks of 2 MiB of this process. Batches of disjoint ranges may run side by side;
// allocates.
#pragma once

#include <string>
#include <vector>

#include <terrace/result.h>
#include <terrace/units.h>

#include "allocators/extent/copy_remap.h"
#include "tiering/migrate/dax_pools.h"
#include "tiering/migrate/kernel.h"
#include "tiering/migrate/page_batch.h"

namespace terrace::migrate {

class Remapper {
 public:
  explicit Remapper(const Kernel& kernel);

  /// Why nothing can be moved so here; empty: it can.
  const std::string& missing() const { return missing_; }
  DaxPools& pools() { return pools_; }

  /// Private memory onto the pool's blocks.
  BatchResult to_pool(const PageRange& range, DaxPool& pool) const;
  /// A shared mapping of one file, `from`, into private memory that prefers `nodes` (empty: that
  /// has no policy). Blocks of our own pools are free again afterwards.
  BatchResult to_memory(const PageRange& range, const os::MappingFacts& from,
                        const std::vector<NodeId>& nodes);
  /// From one device or file to another.
  BatchResult to_other_pool(const PageRange& range, const os::MappingFacts& from, DaxPool& pool);

 private:
  BatchResult to_run(const PageRange& range, DaxPool& pool, backing::PoolRun run) const;
  int copy_out(const PageRange& range, const os::MappingFacts& from,
               const std::vector<NodeId>& nodes, BatchResult* result);

  const Kernel& kernel_;
  extent::CopyRemap remap_;
  DaxPools pools_;
  std::string missing_;
};

}  // namespace terrace::migrate
