// SPDX-License-Identifier: Apache-2.0
// Which blocks of a range have page-table entries in this process. After drop_pages() on a shared
// mapping that tells what was touched since. One PAGEMAP_SCAN ioctl for each range (Linux 6.7), or
// reads of /proc/self/pagemap. The ioctl also tells which pages were written to. One owner; never
// allocates.
#pragma once

#include <cstdint>
#include <utility>

#include <terrace/result.h>
#include <terrace/units.h>

namespace terrace::os {

class PagePresence {
 public:
  constexpr PagePresence() = default;
  PagePresence(PagePresence&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)), scan_works_(other.scan_works_) {}
  PagePresence& operator=(PagePresence&& other) noexcept {
    std::swap(fd_, other.fd_);
    std::swap(scan_works_, other.scan_works_);
    return *this;
  }
  ~PagePresence();

  static Result<PagePresence> open();
  /// Adds one to touches[i] for each block i of [at, at + blocks) with any page present.
  /// An errno value.
  int count_present(const void* at, std::uint64_t blocks, std::uint32_t* touches);
  /// 4 KiB pages that the last of those calls found present; a huge page is 512.
  std::uint64_t present_pages() const { return present_pages_; }
  /// Adds to counts[i] the 4 KiB pages of block i that were written to since userfaultfd protected
  /// them in asynchronous mode. An errno value; EPERM: not all of it is protected so.
  int count_written(const void* at, std::uint64_t blocks, std::uint32_t* counts) const;
  bool is_open() const { return fd_ >= 0; }
  /// In a fork's child, whose pagemap is another.
  void close();

 private:
  int scan(const void* at, std::uint64_t blocks, std::uint32_t* touches);
  int read_entries(const void* at, std::uint64_t blocks, std::uint32_t* touches);

  int fd_ = -1;
  bool scan_works_ = true;
  std::uint64_t present_pages_ = 0;
};

}  // namespace terrace::os
