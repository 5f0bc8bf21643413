// SPDX-License-Identifier: Apache-2.0
// What an order comes to before anything moves: a reason to refuse it, or the batches to carry out.
// Second file on the walk of docs/life-of-a-move.md. Thread-safe (reads only); allocates.
#pragma once

#include <string>
#include <vector>

#include <terrace/units.h>

#include "tiering/migrate/kernel.h"
#include "tiering/migrate/mover.h"
#include "tiering/migrate/page_batch.h"
#include "tiering/migrate/remap_batch.h"

namespace terrace::migrate {

/// A range that was pinned, and why.
struct Pin {
  std::uintptr_t begin = 0;
  std::uintptr_t end = 0;
  std::string why;
};

/// How a batch gets there.
enum class Way : std::uint8_t {
  kPages,     ///< node to node: the kernel migrates pages
  kToPool,    ///< private memory to the tier's blocks, by copy and remap
  kToMemory,  ///< a device or DAX file to private memory on the tier's nodes, likewise
  kThrough,   ///< from one device or file to another, likewise
  kStay,      ///< on the tier's file already
};

struct Batch {
  Way way = Way::kPages;
  PageRange range;
  os::MappingFacts from;  ///< unless kPages: the one mapping that it lies in
};

struct MovePlan {
  std::string refused;  ///< empty: carry it out
  Bytes unit = KiB(4);  ///< the smallest page of the range
  std::vector<Batch> batches;
  Bytes not_mapped;
  DaxPool* pool = nullptr;  ///< the tier's, when it is one of blocks
};

/// Opens the tier's blocks, when it has such.
MovePlan plan_move(const Kernel& kernel, Remapper& remapper, const MoveOrder& order, Bytes batch,
                   const std::vector<Pin>& pins);

}  // namespace terrace::migrate
