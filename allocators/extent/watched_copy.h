// SPDX-License-Identifier: Apache-2.0
// Copies pages that the program may write to meanwhile, for the first rounds of a copy and remap
// (pre_copy.h): what is written during the copy is found by the protection of pages and copied
// again. Thread-safe; does not allocate.
#pragma once

#include <cstddef>

namespace terrace::extent {

/// memcpy's contract, but for writes to `from` meanwhile: what of them arrives is not told.
void copy_watched(void* to, const void* from, std::size_t size);

}  // namespace terrace::extent
