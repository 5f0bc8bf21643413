// SPDX-License-Identifier: Apache-2.0
// Tools that keep the heap to themselves (sanitizers, valgrind, heaptrack): under them a block that
// is no longer theirs would be an error that the program has not made, or be missing in what they
// report. Asked once, by the shim's constructor.
// Allocates nothing by itself; takes the loader's lock.
#pragma once

namespace terrace::preload::os {

/// The name of such a tool when one is in this process; else nullptr.
const char* memory_tool();

}  // namespace terrace::preload::os
