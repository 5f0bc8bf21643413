// SPDX-License-Identifier: Apache-2.0
// The kernel's referenced bits of this process: cleared through /proc/self/clear_refs, read as the
// `Referenced:` lines of /proc/self/smaps (Documentation/filesystems/proc.rst). The fallback source
// of heat where nothing finer can be had.
// Allocates nothing; one caller at a time, since the bits are the process's. Both calls walk every
// page table of the process under the mmap lock: some 10 ms for each GiB of touched 4 KiB pages.
//
// Two limits of the kernel's account, to be known by whoever reads the figures:
//  - clear_refs does not flush the TLB for the referenced bits: a page whose translation stays
//    cached is not seen again until it is evicted. A working set below the TLB's reach (some 2,000
//    entries) is underestimated, a streamed model is not.
//  - smaps counts by mapping. Where a mapping reaches beyond a range (the kernel merges neighbours)
//    its referenced bytes are shared out by length. A huge page counts whole.
#pragma once

#include <cstdint>

namespace terrace::os {

struct ReferencedRange {
  std::uintptr_t base = 0;
  std::uint64_t size = 0;
  std::uint64_t referenced_bytes = 0;  ///< result
};

/// Forgets which pages were referenced. Returns 0 or an errno (ENOENT: a kernel without
/// CONFIG_PROC_PAGE_MONITOR).
int clear_referenced();

/// 0 when both files can be opened; else why not.
int referenced_bits_missing();

/// The first of `ranges` (ascending by base) that ends behind `address`; nullptr: none.
ReferencedRange* range_from(ReferencedRange* ranges, std::uint32_t count, std::uintptr_t address);

/// Fills referenced_bytes of `ranges` (ascending by base, disjoint). Returns 0 or an errno.
int read_referenced(ReferencedRange* ranges, std::uint32_t count);

/// The parser alone: text in smaps' form in pieces of any size. For read_referenced and its test.
class SmapsParser {
 public:
  SmapsParser(ReferencedRange* ranges, std::uint32_t count);
  void feed(const char* text, std::uint64_t size);

 private:
  void end_line();
  void share_out(std::uint64_t referenced_bytes);

  // Longer lines are names of mapped files; their beginning is all that is needed.
  static constexpr std::uint32_t kLineBytes = 128;

  ReferencedRange* ranges_;
  std::uint32_t count_;
  std::uintptr_t mapping_begin_ = 0;
  std::uintptr_t mapping_end_ = 0;
  std::uint32_t line_used_ = 0;
  char line_[kLineBytes] = {};
};

}  // namespace terrace::os
