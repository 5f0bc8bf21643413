// SPDX-License-Identifier: Apache-2.0
// What an object is known by from one run to the next: where it was allocated, how large it is,
// and which of its equals it was. Made at allocation, matched against the plan, written into
// sessions. Plain values, never allocates.
#pragma once

#include <cstdint>

#include <terrace/units.h>

namespace terrace {

/// How the program asked for the memory.
enum class Origin : std::uint8_t {
  kHeap = 0,       ///< malloc, operator new and their kin
  kAnonymous = 1,  ///< mmap of anonymous memory
  kFile = 2,       ///< read-only file mapping; the site is the file's name and size
};

inline constexpr int kMaxFrames = 16;

/// A call-site. `frames` are return addresses, innermost first, as absolute addresses of this run;
/// `hash` is over module name and offset, so it is the same in the next run.
struct CallSite {
  std::uint64_t hash = 0;
  std::uint32_t frame_count = 0;
  std::uintptr_t frames[kMaxFrames] = {};
};

/// The identity that plans match on.
struct ObjectKey {
  std::uint64_t site_hash = 0;
  std::uint64_t size_bytes = 0;
  std::uint32_t ordinal = 0;  ///< how many objects of this site and size came before it
  Origin origin = Origin::kHeap;

  constexpr bool operator==(const ObjectKey&) const = default;
};

}  // namespace terrace
