// SPDX-License-Identifier: Apache-2.0
// Memory errors: a page of a tier goes bad (hardware poison) or a tier goes away under its mapping,
// and the kernel raises SIGBUS at the next access. What is watched here is mended in the signal
// handler: clean memory is read again from its file, memory that only its owner can make anew
// becomes zero and is reported lost; the access then goes on. Everything else is the program's.
// Used by tiering/runtime (materialised files) and tiering/capi (tensors).
// Thread-safe; the handler takes no lock and never allocates from the heap.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <optional>

#include <terrace/result.h>
#include <terrace/units.h>

#include "allocators/os/numa_memory.h"

namespace terrace::os {

/// Tells whether a file is still the one that was read.
struct FileStamp {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::int64_t size_bytes = 0;
  std::int64_t modified_s = 0;
  std::int64_t modified_ns = 0;
  bool operator==(const FileStamp&) const = default;
};
/// Nothing when the kernel does not say.
std::optional<FileStamp> stamp_of(int fd);

/// What lies under an address now, and what may take its place.
struct PageOrigin {
  Bytes unit = KiB(4);       ///< smallest piece of which the mapping can be replaced: 2 MiB for
                             ///< hugetlb pages and DAX devices
  bool memory_file = false;  ///< its page-table entries are dropped while it is in use (emulated
                             ///< link, recording): the new pages must be a file's, too
  NodeMask healthy;          ///< where the new pages shall come from; empty: anywhere
};

enum class OnLoss : std::uint8_t {
  kReread,   ///< clean: read again from `file`, readable only, as it was
  kReport,   ///< zeroed, writable, and reported by `lost`
  kRestore,  ///< writable, with what `restore` puts there; `restored` or `lost` reports it
};

/// What OnLoss::kRestore found for lost pages.
enum class Restored : std::uint8_t {
  kContent,  ///< all that was there, which is in place now
  kNothing,  ///< they stay zero
  kRefused,  ///< even zero would do harm: the program gets the signal
};

/// Whole pages to be watched. What the pointers name lives until unwatch_memory() returns.
struct WatchedMemory {
  char* at = nullptr;
  Bytes size;  ///< a multiple of the unit that `origin` tells
  OnLoss on_loss = OnLoss::kReport;
  /// Asked in the handler, without any lock held; nullptr: private memory in pages of 4 KiB.
  PageOrigin (*origin)(void* context, const void* at) = nullptr;

  int file = -1;                  ///< kReread: a descriptor that stays open
  std::uint64_t file_offset = 0;  ///< of the first byte at `at`; beyond the file's end is zero
  FileStamp stamp;                ///< when it was read: another one is never mixed in

  /// kReport, kRestore: runs in the signal handler, before the access goes on; only
  /// async-signal-safe calls, and no unwatch_memory(). [at, at+size) is zero now.
  void (*lost)(void* context, char* at, Bytes size) = nullptr;
  /// kRestore, as `lost`: fills `into`, zeroed pages that will take the place of those at `at`.
  Restored (*restore)(void* context, const char* at, char* into, Bytes size) = nullptr;
  /// kRestore, as `lost`: [at, at+size) has its content again.
  void (*restored)(void* context, char* at, Bytes size) = nullptr;
  void* context = nullptr;
};

using WatchId = std::uint32_t;

/// From here on errors in the range are mended; takes SIGBUS when that is not ours. Errors: kUsage
/// when no entry is left (1024), kIo when the signal cannot be had.
Result<WatchId> watch_memory(const WatchedMemory& memory);
/// Returns when no handler works on the range any more.
void unwatch_memory(WatchId id);
/// Returns when the handlers that were at work on the range are done: what they may have read of
/// its owner's can go.
void settle_handlers(WatchId id);
/// In a fork's child: what other threads were mending there is nobody's.
void watch_in_child();

struct MemoryErrorCounters {
  std::atomic<std::uint64_t> errors{0};  ///< pieces lost in watched ranges, mended or not
  std::atomic<std::uint64_t> reread_bytes{0};
  std::atomic<std::uint64_t> reported_bytes{0};
  std::atomic<std::uint64_t> not_mended{0};  ///< the program got the signal
};
const MemoryErrorCounters& memory_error_counters();

}  // namespace terrace::os
