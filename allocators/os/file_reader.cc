// SPDX-License-Identifier: Apache-2.0
#include "allocators/os/file_reader.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "allocators/os/fault_point.h"
#include "allocators/os/files.h"
#include "allocators/os/keep_errno.h"
#include "allocators/os/mapping.h"

namespace terrace::os {
namespace {

constexpr std::uint64_t kPageBytes = FileReader::kPage.value;
/// A shorter stretch is read through the cache: a request past it costs more than the copy.
constexpr std::uint64_t kLeastDirectPages = 16;

std::int64_t ns_of(std::int64_t seconds, std::int64_t nanoseconds) {
  return seconds * 1000000000 + nanoseconds;
}

/// The clock that file systems take their times from.
std::int64_t file_clock_ns() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME_COARSE, &now);
  return ns_of(now.tv_sec, now.tv_nsec);
}

/// Could a write at this moment leave the time of modification as it is?
bool in_its_own_tick(const FileStamp& stamp) {
  constexpr std::int64_t kTick = 10000000;
  constexpr std::int64_t kWholeSeconds = 2000000000;
  const std::int64_t modified = ns_of(stamp.modified_s, stamp.modified_ns);
  const std::int64_t since = file_clock_ns() - modified;
  if (stamp.modified_ns == 0) return since >= 0 && since < kWholeSeconds;
  return since >= -kTick && since <= 0;
}

int reopened(int fd, int flags) {
  if (injected_error(SystemCall::kOpen) != 0) return -1;
  char link[40];
  std::snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  // Not open(): these are cancellation points, and a program may cancel its thread.
  const long opened = syscall(SYS_openat, AT_FDCWD, link, O_RDONLY | O_CLOEXEC | flags, 0);
  return opened < 0 ? -1 : move_to_high_number(static_cast<int>(opened));
}

void* map_untouched(int fd, std::uint64_t offset, Bytes size) {
  if (injected_error(SystemCall::kMmap) != 0) return nullptr;
  const long mapped = syscall(SYS_mmap, nullptr, size.value, PROT_READ, MAP_SHARED, fd, offset);
  return mapped == -1 ? nullptr : reinterpret_cast<void*>(mapped);
}

int fadvise(int fd, std::uint64_t offset, std::uint64_t size, int advice) {
  if (const int error = injected_error(SystemCall::kFadvise); error != 0) return error;
  return posix_fadvise(fd, static_cast<off_t>(offset), static_cast<off_t>(size), advice);
}

/// Bytes read, or minus an errno value.
long read_some(int fd, char* to, std::uint64_t size, std::uint64_t offset) {
  if (const int error = injected_error(SystemCall::kRead); error != 0) return -error;
  for (;;) {
    const long got = syscall(SYS_pread64, fd, to, size, offset);
    if (got >= 0) return got;
    if (errno != EINTR) return -errno;
  }
}

int read_whole(int fd, char* to, std::uint64_t size, std::uint64_t offset) {
  while (size > 0) {
    const long got = read_some(fd, to, size, offset);
    if (got < 0) return static_cast<int>(-got);
    if (got == 0) return ENODATA;
    to += got;
    offset += static_cast<std::uint64_t>(got);
    size -= static_cast<std::uint64_t>(got);
  }
  return 0;
}

std::uint64_t pages_of(std::uint64_t size) {
  return (size + kPageBytes - 1) / kPageBytes;
}

/// The page that is asked for in a piece, from the piece's beginning.
std::uint64_t middle_of(std::uint64_t size) {
  return pages_of(size) / 2 * kPageBytes;
}

/// The end of the stretch of pages that are alike.
std::uint64_t stretch_end(const unsigned char* cached, std::uint64_t begin, std::uint64_t pages) {
  std::uint64_t end = begin + 1;
  while (end < pages && ((cached[end] ^ cached[begin]) & 1) == 0) ++end;
  return end;
}

}  // namespace

std::optional<FileStamp> stamp_before_reading(int fd) {
  const KeepErrno keep;
  constexpr timespec kPause{0, 2000000};
  const auto stamp = stamp_of(fd);
  if (!stamp || !in_its_own_tick(*stamp)) return stamp;
  while (in_its_own_tick(*stamp)) {
    // Straight to the kernel: libc's is a cancellation point.
    syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &kPause, nullptr);
  }
  const auto later = stamp_of(fd);
  return later == stamp ? later : std::nullopt;
}

FileReader::FileReader(int fd, std::uint64_t offset, Bytes size)
    : fd_(fd), offset_(offset), size_(size) {
  const KeepErrno keep;
  direct_ = reopened(fd, O_DIRECT);
  direct_works_.store(direct_ >= 0);
  buffered_ = reopened(fd, 0);
  // Read-ahead beyond a piece would make the next one look as if it had been cached before. An
  // error leaves it on: then some more is taken as cached, and stays.
  if (buffered_ >= 0) fadvise(buffered_, 0, 0, POSIX_FADV_RANDOM);
  view_ = map_untouched(fd, offset, size);
}

FileReader::~FileReader() {
  const KeepErrno keep;
  if (view_ != nullptr) unmap(view_, size_);
  close_descriptor(direct_);
  close_descriptor(buffered_);
}

/// One count for the whole piece costs a hundredth of mincore()'s page by page. Linux 6.5; for
/// another user's file EPERM.
FileReader::Cached FileReader::count_cached(const Piece& piece) const {
  constexpr long kCachestat = 451;
  struct {
    std::uint64_t offset, length;
  } const range{piece.offset, pages_of(piece.size) * kPageBytes};
  struct {
    std::uint64_t cached, dirty, writeback, evicted, recently_evicted;
  } counts{};
  if (injected_error(SystemCall::kCachestat) != 0) return Cached::kUnknown;
  if (syscall(kCachestat, fd_, &range, &counts, 0) != 0) return Cached::kUnknown;
  if (counts.cached == 0) return Cached::kNone;
  return counts.cached >= pages_of(piece.size) ? Cached::kAll : Cached::kSome;
}

/// False: not known.
bool FileReader::look_at_pages(const Piece& piece, unsigned char* cached) const {
  if (view_ == nullptr || injected_error(SystemCall::kMincore) != 0) return false;
  char* const at = static_cast<char*>(view_) + (piece.offset - offset_);
  return syscall(SYS_mincore, at, piece.size, cached) == 0;
}

FileReader::Told FileReader::find_cached(const Piece& piece, unsigned char* cached) const {
  const std::uint64_t pages = pages_of(piece.size);
  const Cached count = count_cached(piece);
  if (count == Cached::kAll || count == Cached::kNone) {
    std::memset(cached, count == Cached::kAll ? 1 : 0, pages);
    return Told::kTrue;
  }
  if (!look_at_pages(piece, cached)) {
    std::memset(cached, 1, pages);  // read through the cache, nothing dropped
    return Told::kTrue;
  }
  for (std::uint64_t i = 0; i < pages; ++i) {
    if ((cached[i] & 1) == 0) return Told::kTrue;
  }
  if (count == Cached::kSome || !only_pretended(piece)) return Told::kTrue;
  std::memset(cached, 0, pages);
  return Told::kPretended;
}

/// mincore() says of every page that it is there when the file is another user's (Linux 5.2). So
/// one page in the middle is read without waiting. That starts a read of the page when it is not
/// there, and nothing beyond it.
bool FileReader::only_pretended(const Piece& piece) const {
  if (buffered_ < 0 || injected_error(SystemCall::kRead) != 0) return false;
  const std::uint64_t middle = middle_of(piece.size);
  iovec to{piece.to + middle, std::min(kPageBytes, piece.size - middle)};
  const long got = syscall(SYS_preadv2, buffered_, &to, 1, piece.offset + middle, 0L, RWF_NOWAIT);
  return got < 0 && errno == EAGAIN;
}

/// A page that is being read cannot be dropped, so its read is waited for.
void FileReader::drop_probe(const Piece& piece) const {
  const std::uint64_t middle = middle_of(piece.size);
  const std::uint64_t size = std::min(kPageBytes, piece.size - middle);
  if (read_whole(buffered_, piece.to + middle, size, piece.offset + middle) != 0) return;
  fadvise(buffered_, piece.offset + middle, kPageBytes, POSIX_FADV_DONTNEED);
}

/// Reads past the cache as much as can be; false: something is left.
bool FileReader::read_direct(Piece& piece) {
  while (piece.size > 0 && direct_works_.load(std::memory_order_relaxed)) {
    const std::uint64_t whole = pages_of(piece.size) * kPageBytes;
    const long got = read_some(direct_, piece.to, whole, piece.offset);
    if (got <= 0) {
      // The kernel, the file system or the memory does not take it: EINVAL, EFAULT. An error of the
      // device comes again when the cache asks.
      if (got < 0) direct_works_.store(false, std::memory_order_relaxed);
      return false;
    }
    const auto read = std::min(static_cast<std::uint64_t>(got), piece.size);
    counters_.direct.fetch_add(read, std::memory_order_relaxed);
    piece.to += read;
    piece.offset += read;
    piece.size -= read;
    if (read % kPageBytes != 0) return piece.size == 0;
  }
  return piece.size == 0;
}

int FileReader::read_cold(const Piece& piece) {
  Piece left = piece;
  if (piece.size >= kLeastDirectPages * kPageBytes && read_direct(left)) return 0;
  const int fd = buffered_ >= 0 ? buffered_ : fd_;
  if (const int error = read_whole(fd, left.to, left.size, left.offset); error != 0) return error;
  counters_.buffered.fetch_add(left.size, std::memory_order_relaxed);
  // The kernel keeps what somebody else has mapped or written. A refusal leaves the pages there.
  fadvise(fd, left.offset, pages_of(left.size) * kPageBytes, POSIX_FADV_DONTNEED);
  return 0;
}

int FileReader::read_stretches(const Piece& piece, const unsigned char* cached) {
  const std::uint64_t pages = pages_of(piece.size);
  for (std::uint64_t page = 0; page < pages;) {
    const std::uint64_t end = stretch_end(cached, page, pages);
    const std::uint64_t begin_byte = page * kPageBytes;
    const std::uint64_t size = std::min(end * kPageBytes, piece.size) - begin_byte;
    const Piece part{piece.to + begin_byte, size, piece.offset + begin_byte};
    int error = 0;
    if ((cached[page] & 1) == 0) {
      error = read_cold(part);
    } else {
      error = read_whole(buffered_ >= 0 ? buffered_ : fd_, part.to, part.size, part.offset);
      counters_.cached.fetch_add(part.size, std::memory_order_relaxed);
    }
    if (error != 0) return error;
    page = end;
  }
  return 0;
}

int FileReader::read(void* to, Bytes size, std::uint64_t at) {
  const KeepErrno keep;
  if (size.value == 0 || size.value > kMostAtOnce.value) return EINVAL;
  unsigned char cached[kMostPages];
  const Piece piece{static_cast<char*>(to), size.value, offset_ + at};
  const Told told = find_cached(piece, cached);
  if (const int error = read_stretches(piece, cached); error != 0) return error;
  if (told == Told::kPretended) drop_probe(piece);
  // A direct read may leave there what the last block of the file holds behind its end.
  const std::uint64_t whole = pages_of(size.value) * kPageBytes;
  std::memset(piece.to + size.value, 0, whole - size.value);
  return 0;
}

}  // namespace terrace::os
