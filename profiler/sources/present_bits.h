// SPDX-License-Identifier: Apache-2.0
// Access source: page-table present bits of memory-file mappings. A window begins by dropping the
// entries of a range (the data stays in the file), the program's touches bring them back one fault
// per 2 MiB page, and its end counts the blocks that came back. Cost on huge pages: about 1 us of
// the program for each touched block of a window.
// Resident: never allocates; one owner.
#pragma once

#include <cstdint>

#include "allocators/os/page_presence.h"
#include "profiler/sources/access_source.h"

namespace terrace::sources {

class PresentBits {
 public:
  static constexpr Traits kTraits{session::SourceKind::kPresentBits,
                                  Reach::kFiles,
                                  Memory::kFiles,
                                  Grain::kBlock,
                                  Bytes(),
                                  95,
                                  Nanoseconds(),
                                  Nanoseconds(),
                                  Nanoseconds()};

  constexpr PresentBits() = default;
  Status open(const Field& field);
  int begin_run(const BlockRun& run);
  int begin() { return 0; }
  int end() { return 0; }
  /// Adds 1 to counts[i] for each block touched since begin_run().
  int end_run(const BlockRun& run, std::uint32_t* counts);
  /// 4 KiB pages that the last end_run() found touched; a huge page is 512.
  std::uint64_t pages() const { return presence_.present_pages(); }
  void close() { presence_.close(); }

 private:
  os::PagePresence presence_;
};
static_assert(AccessSource<PresentBits>);

}  // namespace terrace::sources
