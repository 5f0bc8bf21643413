// SPDX-License-Identifier: Apache-2.0
// A file's bytes into memory at any offset on either side, by several threads that are gone when it
// returns: pieces come from the page cache where it has them and past it where not
// (allocators/os/file_reader.h). Where file and memory lie alike in their pages they are read
// straight to their place, else through a buffer of the thread's. Thread-safe; allocates.
#pragma once

#include <cstdint>

#include <terrace/units.h>

namespace terrace::capi {

enum class Checksum : std::uint8_t {
  kNone,
  kCrc32,   ///< of IEEE 802.3, by zlib
  kCrc32c,  ///< of Castagnoli, by ISA-L
};

struct LoadRequest {
  int fd = -1;               ///< stays open meanwhile
  std::uint64_t offset = 0;  ///< in the file
  Bytes size;                ///< all of it lies in the file
  char* to = nullptr;
  std::uint32_t threads = 4;
  Checksum checksum = Checksum::kNone;
};

struct LoadOutcome {
  int error = 0;               ///< an errno value; ENODATA: the file ended earlier
  std::uint32_t checksum = 0;  ///< of the kind that was asked for
  Bytes cached;
  Bytes direct;
  Bytes buffered;
};

LoadOutcome load_file(const LoadRequest& request);

}  // namespace terrace::capi
