// SPDX-License-Identifier: Apache-2.0
// One large object: an allocation, a mapping or a materialised file, with its blocks in the arena.
// The arena owns the records; fields are written under the runtime's lock, `size_bytes` and the
// block span stay as they are while the object lives and may be read by its owner without a lock.
#pragma once

#include <cstdint>

#include "allocators/base/site_key.h"
#include "allocators/extent/kernel_stripe.h"
#include "allocators/os/memory_error.h"
#include "allocators/os/memory_file.h"

namespace terrace::extent {

/// Tier index of a block that no tier accounts for: ordinary memory.
inline constexpr std::uint8_t kNoTier = 0xFF;

enum class Pages : std::uint8_t {
  kNone,      ///< the record is free
  kOrdinary,  ///< plain private memory, perhaps placed when it is older
  kPlaced,    ///< each block lies on its tier
  kSpare,     ///< freed, its pages kept for the next object (spare_extents.h)
  kFrozen,    ///< made private before a fork; its tiers no longer deliver or observe it
};

/// Parts that the program unmapped; inclusive start, exclusive end, in bytes from the base.
struct Hole {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

struct Object {
  std::uint32_t first_block = 0;
  std::uint32_t block_count = 0;
  std::uint64_t size_bytes = 0;
  ObjectKey key;
  std::uint64_t id = 0;  ///< unique in the process
  Nanoseconds born;
  Pages pages = Pages::kNone;
  bool published = false;        ///< its birth is in the session
  bool read_only = false;        ///< materialised file: the program may not write
  bool filling = false;          ///< materialised file: its content is being read
  bool written = false;          ///< materialised file: the program may have, in parts
  bool protected_parts = false;  ///< materialised file: the program gave parts other rights
  bool shared_view = false;      ///< materialised file: the program asked for MAP_SHARED
  bool reshaped = false;  ///< the program unmapped or protected parts: its pages stay as they are
  bool shared = false;    ///< has blocks that are a file's pages: its own file's or a DAX pool's
  bool refused = false;   ///< counted as unplaced
  bool surrendered = false;    ///< the program mapped something of its own over a hole
  bool holes_lost = false;     ///< more than are remembered below
  KernelOrder order;           ///< period 0: laid by range
  std::uint32_t mappings = 0;  ///< taken from the budget of mappings
  os::PageKind page_kind = os::PageKind::kHuge;
  os::MemoryFile file;               ///< open while any block is its page
  int content_fd = -1;               ///< materialised file: a descriptor of it, ours
  std::uint64_t content_offset = 0;  ///< of the object's first byte in it
  os::FileStamp stamp;               ///< of the file whose content the object holds
  bool watched = false;              ///< memory errors are mended from `content_fd`
  std::uint32_t watch = 0;           ///< while watched: os::WatchId
  std::uint32_t hole_count = 0;
  Hole holes[16];
  CallSite site;
  char path[160] = {};  ///< for Origin::kFile
};

}  // namespace terrace::extent
