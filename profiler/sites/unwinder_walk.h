// SPDX-License-Identifier: Apache-2.0
// The thorough way up a stack: libgcc's unwinder (_Unwind_Backtrace over .eh_frame), linked
// statically into the shim. It finds a frame's description through _dl_find_object, which takes no
// lock, and allocates nothing. A frame without a description ends the walk. Second choice of
// call_site.cc, and what the tests hold the quick way against.
// Thread-safe, async-signal-safe; about 2 us. It believes .eh_frame and the stack.
#pragma once

#include <cstdint>

#include "allocators/base/site_key.h"

namespace terrace::sites {

/// The frames from the one on whose stack pointer is `first_stack` outwards.
CallSite walk_by_unwinder(std::uintptr_t first_stack);

}  // namespace terrace::sites
