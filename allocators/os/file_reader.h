// SPDX-License-Identifier: Apache-2.0
// A file that is read once, large and piece by piece, into memory that stays: what the page cache
// holds comes from there, the rest past it (O_DIRECT) where file system and alignment allow. What
// had to be read through the cache all the same and was not in it before does not stay in it. Used
// by allocators/extent/file_fill. read() may be called by several threads at once; nothing
// allocates; errno is kept.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>

#include <terrace/units.h>

#include "allocators/os/memory_error.h"

namespace terrace::os {

/// The file's stamp at a moment from which on every write gives it another one. A write in the same
/// tick of the file system's clock would not, so this waits for the next: at most 10 ms after the
/// last write, 2 s where time stamps are whole seconds. Nothing when the file is written meanwhile,
/// or the kernel does not say. Writes through a shared mapping that was written before leave the
/// time as it is until writeback: nobody can tell those.
std::optional<FileStamp> stamp_before_reading(int fd);

/// Bytes by the way they came.
struct FileReadCounters {
  std::atomic<std::uint64_t> cached{0};    ///< from the page cache
  std::atomic<std::uint64_t> direct{0};    ///< past it
  std::atomic<std::uint64_t> buffered{0};  ///< through it, and dropped from it again
};

class FileReader {
 public:
  static constexpr Bytes kPage = KiB(4);
  /// The most that read() takes at once.
  static constexpr Bytes kMostAtOnce = MiB(4);

  /// [offset, offset+size) of `fd`, which stays the caller's and open; `offset` is a multiple of a
  /// page. Own descriptors are opened, so that the program's keeps its flags and read-ahead; where
  /// that is refused (no /proc, rights given up) the program's own serves, and only buffered.
  FileReader(int fd, std::uint64_t offset, Bytes size);
  ~FileReader();
  FileReader(const FileReader&) = delete;
  FileReader& operator=(const FileReader&) = delete;

  /// Reads [at, at+size), counted from `offset`, `at` a multiple of a page, to `to`,
  /// which is aligned to a page and has room up to the next; what lies behind the file's end there
  /// becomes zero. 0, an errno value, or ENODATA when the file ends earlier.
  int read(void* to, Bytes size, std::uint64_t at);
  const FileReadCounters& counters() const { return counters_; }

 private:
  static constexpr std::uint64_t kMostPages = kMostAtOnce.value / kPage.value;

  struct Piece {
    char* to;
    std::uint64_t size;
    std::uint64_t offset;  ///< in the file
  };
  enum class Told : std::uint8_t {
    kTrue,
    kPretended,  ///< all pages were said to be cached and are not; one was asked for meanwhile
  };
  enum class Cached : std::uint8_t { kAll, kNone, kSome, kUnknown };
  Cached count_cached(const Piece& piece) const;
  bool look_at_pages(const Piece& piece, unsigned char* cached) const;
  Told find_cached(const Piece& piece, unsigned char* cached) const;
  bool only_pretended(const Piece& piece) const;
  void drop_probe(const Piece& piece) const;
  int read_stretches(const Piece& piece, const unsigned char* cached);
  int read_cold(const Piece& piece);
  bool read_direct(Piece& piece);

  int fd_ = -1;
  int direct_ = -1;    ///< own, O_DIRECT; -1: not possible
  int buffered_ = -1;  ///< own, without read-ahead; -1: `fd_` serves
  std::uint64_t offset_ = 0;
  Bytes size_;
  void* view_ = nullptr;  ///< never touched: mincore() wants a mapping
  std::atomic<bool> direct_works_{true};
  FileReadCounters counters_;
};

}  // namespace terrace::os
