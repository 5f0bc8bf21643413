// SPDX-License-Identifier: Apache-2.0
// What a process's mappings are, as /proc/PID/maps and smaps tell: where a move asks whether a
// range may be moved at all. One reader belongs to one thread; never allocates; errno kept.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include <terrace/result.h>
#include <terrace/units.h>

namespace terrace::os {

/// Which file a mapping is of, or a descriptor leads to. All zero: none.
struct FileIdentity {
  std::uint64_t file_system = 0;
  std::uint64_t inode = 0;
  bool operator==(const FileIdentity&) const = default;
};
FileIdentity identity_of(int fd);
/// Is it a file whose mappings are memory itself, without a page cache (statx, Linux 5.8)?
bool is_dax_file(const char* path);

/// One mapping. Fields marked (smaps) are false or 4 KiB when only maps was read.
struct MappingFacts {
  std::uintptr_t begin = 0;
  std::uintptr_t end = 0;
  bool shared = false;
  bool readable = false;
  bool writable = false;
  std::uint64_t offset = 0;  ///< in the file
  FileIdentity file;
  Bytes kernel_page = KiB(4);  ///< (smaps) 4 KiB, or a huge page's size
  bool hugetlb = false;        ///< (smaps)
  bool locked = false;         ///< (smaps) mlock or MAP_LOCKED
  bool device = false;         ///< (smaps) I/O memory or raw page frames: VM_IO, VM_PFNMAP
  char path[256] = {};         ///< of the file, or a name in brackets; cut when longer
};

enum class MappingDetail : std::uint8_t {
  kPlain,  ///< maps: a few microseconds
  kFlags,  ///< smaps: the kernel walks all pages before the range, 35 ms for a GiB of small ones
};

class MappingReader {
 public:
  /// `pid` 0: this process. kIo when the process is gone or may not be looked at.
  static Result<MappingReader> open(int pid, MappingDetail detail);
  MappingReader(MappingReader&& other) noexcept;
  MappingReader& operator=(MappingReader&&) = delete;
  ~MappingReader();

  /// In order of addresses; nothing at the end, or when error() is set.
  std::optional<MappingFacts> next();
  int error() const { return error_; }

 private:
  explicit MappingReader(int fd) : fd_(fd) {}
  const char* next_line();
  bool refill();

  static constexpr std::size_t kBuffer = 8192;  ///< longer than a line: PATH_MAX and a head
  int fd_ = -1;
  int error_ = 0;
  bool at_end_ = false;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::optional<MappingFacts> ahead_;  ///< its head was read, its details not yet
  char buffer_[kBuffer];
};

/// Sums over a process from /proc/PID/status: where all are 0, smaps has nothing to add.
struct ProcessMemory {
  Bytes locked;   ///< VmLck
  Bytes pinned;   ///< VmPin: held for DMA (RDMA, io_uring's fixed buffers, VFIO)
  Bytes hugetlb;  ///< HugetlbPages
};
Result<ProcessMemory> process_memory(int pid);

}  // namespace terrace::os
