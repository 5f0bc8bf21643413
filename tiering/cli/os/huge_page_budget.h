// SPDX-License-Identifier: Apache-2.0
// Lets the kernel hand out huge pages for the life of one program, by raising
// vm.nr_overcommit_hugepages, and takes the same number back afterwards. Emulated tiers and
// recording keep their pages in huge-page memfds. Several at once are fine: each adds and subtracts
// under a lock on the file. What a killed one has not given back, the next one does
// (huge_page_notes.h). Not thread-safe; allocates.
#pragma once

#include <cstdint>
#include <string>

#include <terrace/result.h>
#include <terrace/units.h>

#include "tiering/cli/os/huge_page_notes.h"

namespace terrace::cli::os {

/// Where the kernel says and takes it; the tests bring files of their own.
struct HugePageFiles {
  std::string overcommit = "/proc/sys/vm/nr_overcommit_hugepages";
  std::string meminfo = "/proc/meminfo";
  std::string notes = "/run/terrace/huge-pages";  ///< a folder, made when it is missing
};

struct MemoryInfo {
  Bytes available;       ///< MemAvailable
  Bytes huge_page_size;  ///< Hugepagesize; 0: the kernel has none
};

Result<MemoryInfo> read_memory_info(const std::string& meminfo_path);

class HugePageBudget {
 public:
  /// Raises the limit by what `need` takes, at most 80 % of the available memory. Errors:
  /// kCapabilityMissing when the right or the kernel's support is missing, kIo otherwise.
  static Result<HugePageBudget> raise(Bytes need, const HugePageFiles& files);
  HugePageBudget(HugePageBudget&& other) noexcept;
  HugePageBudget& operator=(HugePageBudget&& other) noexcept;
  ~HugePageBudget();

  std::uint64_t added_pages() const { return added_; }
  /// Those that killed programs had left, given back by this one.
  std::uint64_t mended_pages() const { return mended_; }

 private:
  HugePageBudget() = default;

  std::string path_;
  std::uint64_t added_ = 0;
  std::uint64_t mended_ = 0;
  HugePageNote note_;
};

}  // namespace terrace::cli::os
