// SPDX-License-Identifier: Apache-2.0
// Access source: the kernel's referenced bits, for processes whose memory is no memory file. One
// figure for each run, which should be a mapping of its own (the arena keeps objects apart for it):
// of a mapping that reaches beyond a run the kernel tells one sum only.
// Clearing the bits makes the program's next touches dearer, so windows are short and rare.
// Resident: allocates address space in open() alone; one owner. For cost and limits see
// profiler/os/clear_refs.h.
#pragma once

#include <cstdint>

#include "profiler/os/clear_refs.h"
#include "profiler/sources/access_source.h"

namespace terrace::sources {

class ReferencedBits {
 public:
  static constexpr Traits kTraits{session::SourceKind::kReferencedBits,
                                  Reach::kAll,
                                  Memory::kPrivate,
                                  Grain::kObject,
                                  KiB(4),
                                  50,
                                  milliseconds(250),
                                  Nanoseconds(),
                                  Nanoseconds(60)};
  static constexpr std::uint32_t kMostRuns = 1u << 16;

  constexpr ReferencedBits() = default;
  Status open(const Field& field);
  int begin_run(const BlockRun& run);
  /// Forgets earlier references.
  int begin();
  int end();
  /// Adds the 4 KiB pages that were referenced to counts[0]. ENOENT: the run is new.
  int end_run(const BlockRun& run, std::uint32_t* counts);
  void close();

 private:
  os::ReferencedRange* ranges_ = nullptr;  ///< ascending by base
  std::uint32_t count_ = 0;
  bool collecting_ = false;
};
static_assert(AccessSource<ReferencedBits>);

}  // namespace terrace::sources
