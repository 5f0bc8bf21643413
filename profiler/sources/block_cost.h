// SPDX-License-Identifier: Apache-2.0
// What a window costs the program beside the recorder's own time: a block whose page-table entries
// were dropped has to fault, and even where they were put back in between, the processor has lost
// its translations and what it knew of the tables; under a hypervisor that keeps tables of its own
// it has to be asked once more. Measured on memory of our own, since it differs between machines
// by ten times and between page sizes by a hundred (docs/sources.md).
// Resident: takes some blocks of memory for a moment, allocates nothing that stays.
#pragma once

#include <terrace/result.h>
#include <terrace/units.h>

#include "allocators/os/memory_file.h"

namespace terrace::sources {

/// CPU time by which reading all of a block takes longer.
struct BlockCost {
  Nanoseconds faulted;   ///< its entries were dropped
  Nanoseconds put_back;  ///< the same, and put back before it was read
};

/// The usual time of some rounds, about 20 ms in all. Errors: those of making the memory.
Result<BlockCost> measure_block_cost(os::PageKind pages);

}  // namespace terrace::sources
