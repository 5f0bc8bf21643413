// SPDX-License-Identifier: Apache-2.0
// What a window costs the program: the faults by which a block whose page-table entries were
// dropped comes back. Measured on memory of our own, since it differs between machines by more than
// twice and between page sizes by thirty times.
// Resident: takes one block of memory for a moment, allocates nothing that stays.
#pragma once

#include <terrace/result.h>
#include <terrace/units.h>

#include "allocators/os/memory_file.h"

namespace terrace::sources {

/// CPU time by which a touch of each page of a block takes longer right after its entries were
/// dropped, with the near caches full of other data; the median of some rounds, a few milliseconds
/// in all. Errors: those of making the memory.
Result<Nanoseconds> measure_fault_cost(os::PageKind pages);

}  // namespace terrace::sources
