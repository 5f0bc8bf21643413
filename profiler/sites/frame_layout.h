// SPDX-License-Identifier: Apache-2.0
// How one function's frame looks at one return address, as .eh_frame says: enough of it to step
// to the caller on x86-64 by hand, which needs the stack pointer and the frame pointer only. Asked
// by stack_walk.cc when the cache (frame_cache.h) does not know the address.
// Thread-safe, async-signal-safe: reads the modules' own read-only tables, found through
// _dl_find_object, which takes no lock; allocates nothing.
#pragma once

#include <cstdint>

namespace terrace::sites {

/// Where the canonical frame address (the caller's stack pointer) is. The return address is always
/// the word below it.
enum class FrameBase : std::uint8_t {
  kEnd,           ///< the outermost frame: it has no caller
  kStack,         ///< stack pointer + base_offset
  kFrame,         ///< frame pointer + base_offset
  kFrameContent,  ///< the word at frame pointer + base_offset: a function that realigns its stack
  kSignal,        ///< the kernel's signal frame: the interrupted registers lie on the stack
  kUndescribed,   ///< the module says nothing about this address
  kOther,         ///< described in words that only the full unwinder speaks
};

/// Where the caller's frame pointer is.
enum class SavedFramePointer : std::uint8_t {
  kKept,       ///< still in the register
  kBelowBase,  ///< the word at base + pointer_offset
  kAtFrame,    ///< the word at frame pointer + pointer_offset
};

struct FrameLayout {
  FrameBase base = FrameBase::kUndescribed;
  SavedFramePointer pointer = SavedFramePointer::kKept;
  std::int16_t pointer_offset = 0;
  std::int32_t base_offset = 0;

  constexpr bool operator==(const FrameLayout&) const = default;
};

/// What a function with a frame pointer has between its prologue and its epilogue.
inline constexpr FrameLayout kFramePointerLayout{FrameBase::kFrame, SavedFramePointer::kBelowBase,
                                                 -16, 16};

/// The layout at the instruction of which `address` is a byte: the last byte of the call for a
/// return address. `index` is the module's .eh_frame_hdr (dl_find_object's dlfo_eh_frame).
FrameLayout find_layout(std::uintptr_t address, const void* index);

}  // namespace terrace::sites
