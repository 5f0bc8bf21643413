// SPDX-License-Identifier: Apache-2.0
// The quick way up a stack, x86-64: two registers, stepped by the layouts that .eh_frame gives,
// which are cached by return address. A frame pointer is followed where the function is known to
// keep one. Code that nothing describes is passed by its frame pointer when that proves sound.
// First choice of call_site.cc; unwinder_walk.h is the second.
// Thread-safe, async-signal-safe, allocates nothing, never faults; changes errno.
#pragma once

#include <cstdint>

#include "allocators/base/site_key.h"

namespace terrace::sites {

/// Of the frame that the walk begins with.
struct Registers {
  std::uintptr_t instruction = 0;  ///< its return address, where it goes on
  std::uintptr_t stack = 0;
  std::uintptr_t frame = 0;
};

enum class WalkEnd : std::uint8_t {
  kDone,        ///< the site is full, or the stack's end was reached
  kNotFollowed  ///< a frame that only the full unwinder can step over: ask it for the whole stack
};

struct Walked {
  WalkEnd end = WalkEnd::kDone;
  CallSite site;
};

Walked walk_stack(const Registers& start);

}  // namespace terrace::sites
