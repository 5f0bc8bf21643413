// SPDX-License-Identifier: Apache-2.0
// Memory files (memfd): the pages of objects that are observed or delivered through an emulated
// link, since only a file's page-table entries can be dropped without losing the data.
// Thread-safe, never allocates; errors as errno values.
#pragma once

#include <cstdint>
#include <utility>

#include <terrace/result.h>
#include <terrace/units.h>

namespace terrace::os {

enum class PageKind : std::uint8_t {
  kHuge,   ///< 2 MiB hugetlb pages, reserved when mapped
  kSmall,  ///< 4 KiB shared memory
};

/// Owns a file descriptor, kept away from the low numbers that programs use and close.
class MemoryFile {
 public:
  constexpr MemoryFile() = default;
  MemoryFile(MemoryFile&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  MemoryFile& operator=(MemoryFile&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~MemoryFile() { close(); }

  /// kCapabilityMissing when the kernel refuses this kind of page.
  static Result<MemoryFile> create(Bytes size, PageKind kind);

  int fd() const { return fd_; }
  bool is_open() const { return fd_ >= 0; }
  /// Allocates and zeroes the pages of a range, without mapping them. An errno value.
  int allocate(std::uint64_t offset, Bytes size) const { return allocate_in(fd_, offset, size); }
  /// The same for a descriptor that somebody else owns.
  static int allocate_in(int fd, std::uint64_t offset, Bytes size);
  /// Gives the pages of a range back; they read as zero afterwards. An errno value.
  int punch(std::uint64_t offset, Bytes size) const;
  void close();

 private:
  int fd_ = -1;
};

/// Could `size` bytes of huge pages be had now, from the pool or by overcommit? A snapshot.
bool huge_pages_available(Bytes size);

}  // namespace terrace::os
