// SPDX-License-Identifier: Apache-2.0
// Access source: page-table present bits of memory-file mappings. begin() drops the entries of a
// range (the data stays in the file), the program's touches bring them back one fault per 2 MiB
// page, end() counts the blocks that came back. Cost on huge pages: about 1 us of the program for
// each touched block of a window. Resident: never allocates; one owner.
#pragma once

#include <cstdint>

#include <terrace/result.h>

#include "allocators/os/page_presence.h"

namespace terrace::sources {

class PresentBits {
 public:
  constexpr PresentBits() = default;
  Status open();
  /// Starts a window over [at, at + blocks).
  static int begin(void* at, std::uint64_t blocks);
  /// Ends it: adds 1 to touches[i] for each block touched since begin(). An errno value.
  int end(const void* at, std::uint64_t blocks, std::uint32_t* touches);
  void close() { presence_.close(); }

 private:
  os::PagePresence presence_;
};

}  // namespace terrace::sources
