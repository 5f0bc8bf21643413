// SPDX-License-Identifier: Apache-2.0
// Fills placed memory from a file, by a few threads that are gone when it returns: one alone is
// bound by its own copying when the file is cached, and by one request at a time when it is not.
// Called without any lock held, by tiering/runtime/file_objects. Never allocates from the heap
// (libc maps the threads' stacks); errno is kept.
#pragma once

#include <cstdint>

#include <terrace/units.h>

namespace terrace::extent {

/// Where it has come to.
struct FillProgress {
  std::uint64_t done_bytes = 0;
  std::uint64_t total_bytes = 0;
  Nanoseconds since_begin;
};

struct FileFill {
  int fd = -1;               ///< stays open meanwhile
  std::uint64_t offset = 0;  ///< in the file, a multiple of a page
  Bytes size;                ///< all of it lies in the file
  void* to = nullptr;        ///< aligned to a page, with room up to the next
  std::uint32_t threads = 4;
  /// Called in the caller's thread, about once a second when it takes longer than that, and then
  /// once more at the end; may be null.
  void (*progress)(void* context, const FillProgress& progress) = nullptr;
  void* context = nullptr;
};

/// How the bytes came; see os::FileReadCounters.
struct FillOutcome {
  int error = 0;  ///< an errno value; ENODATA: the file ended earlier
  Bytes cached;
  Bytes direct;
  Bytes buffered;
};

FillOutcome fill_from_file(const FileFill& fill);

}  // namespace terrace::extent
