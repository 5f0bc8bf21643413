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

namespace terrace::migrate {

/// A range that was pinned, and why.
struct Pin {
  std::uintptr_t begin = 0;
  std::uintptr_t end = 0;
  std::string why;
};

struct MovePlan {
  std::string refused;  ///< empty: carry it out
  Bytes unit = KiB(4);  ///< the smallest page of the range
  std::vector<PageRange> batches;
  Bytes not_mapped;
};

MovePlan plan_move(const Kernel& kernel, const MoveOrder& order, Bytes batch,
                   const std::vector<Pin>& pins);

}  // namespace terrace::migrate
