// SPDX-License-Identifier: Apache-2.0
// Lets the kernel hand out huge pages for the life of one program, by raising
// vm.nr_overcommit_hugepages, and takes the same number back afterwards. Emulated tiers and
// recording keep their pages in huge-page memfds. Several at once are fine: each adds and subtracts
// under a lock on the file. Not thread-safe; allocates.
#pragma once

#include <cstdint>
#include <string>

#include <terrace/result.h>
#include <terrace/units.h>

namespace terrace::cli::os {

/// Where the kernel says and takes it; the tests bring files of their own.
struct HugePageFiles {
  std::string overcommit = "/proc/sys/vm/nr_overcommit_hugepages";
  std::string meminfo = "/proc/meminfo";
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

 private:
  HugePageBudget(std::string path, std::uint64_t added) : path_(std::move(path)), added_(added) {}

  std::string path_;
  std::uint64_t added_ = 0;
};

}  // namespace terrace::cli::os
