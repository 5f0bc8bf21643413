// SPDX-License-Identifier: Apache-2.0
// What is known of return addresses seen before: the frame's layout and the address's key. One
// table for the process, so that a stack walk costs a few loads a frame; what it does not hold is
// worked out again. Thread-safe without a lock: each entry has a version that is odd while it is
// written, and who meets an odd one does without the entry. So a signal handler or the child of a
// fork that finds a write cut short loses one entry's worth of speed and nothing else. Allocates
// nothing.
#pragma once

#include <cstdint>

#include "profiler/sites/frame_layout.h"

namespace terrace::sites {

struct KnownFrame {
  FrameLayout layout;
  std::uint64_t key = 0;
};

/// `module_identity` is that of the module at `address` now: an entry made of another one, which
/// was there before, does not match.
bool find_known(std::uintptr_t address, std::uint64_t module_identity, KnownFrame& known);
void remember_known(std::uintptr_t address, std::uint64_t module_identity, const KnownFrame& known);

/// Goes into the identities: makes every entry made before unknown.
std::uint64_t cache_generation();
void forget_all_known();

}  // namespace terrace::sites
