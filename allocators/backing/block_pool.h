// SPDX-License-Identifier: Apache-2.0
// Blocks of 2 MiB from one device or file that is mapped shared: a devdax device, a file on fsdax,
// any file. Used by allocators/extent for tiers with BackingKind::kDax; the resident half of the
// DAX backing (dax_map.h is the half for programs that link Terrace).
// Several processes may share a device: a block in use is held by an open-file-description lock
// (fcntl F_OFD_SETLK) on its bytes. The kernel keeps those locks and drops them when the holder
// ends, however it ends, so the map of who has what is never stored and never stale: it is asked
// for again (F_OFD_GETLK) at each claim. A path that is a folder gives each process a file of its
// own without a name (O_TMPFILE), which ends with the process and needs no locks.
// Serialised by the runtime's lock; never allocates from the heap; errors as errno values.
#pragma once

#include <cstdint>

#include <terrace/result.h>
#include <terrace/units.h>

#include "allocators/os/dax_device.h"

namespace terrace::backing {

/// Adjacent blocks of a pool; `count` 0: none.
struct PoolRun {
  std::uint32_t first = 0;
  std::uint32_t count = 0;
};

class BlockPool {
 public:
  constexpr BlockPool() = default;

  /// Opens `path` and learns its size, of which `capacity` is used at most (0: all of it; a folder
  /// needs it). A folder's or file's own blocks are allocated when they are claimed (fallocate), so
  /// that a full filesystem shows as a failed claim and not as SIGBUS. A named file keeps its size
  /// and its storage. `sysfs` is where /sys is, for tests.
  /// Errors: kUsage for a path that is none of these, a device smaller than a block or a mapping
  /// unit that does not divide 2 MiB (`mapping_unit` is what the tier was found with, the device's
  /// own counts too); kCapabilityMissing when it may not be opened for reading and writing, and
  /// where the filesystem keeps no locks. A file that another program locks whole is kUsage.
  Status open(const char* path, Bytes capacity, Bytes mapping_unit, const char* sysfs = "/sys");
  bool is_open() const { return fd_ >= 0; }

  /// Up to `wanted` adjacent blocks that nobody holds: the first such run after the last one that
  /// was claimed, which other holders may make shorter than others that there are. Count 0: none
  /// left, or the filesystem is full. Cost: a system call for each run of others on the way.
  PoolRun claim(std::uint32_t wanted);
  /// Blocks of `run` that this pool holds. Unmap them first: once given back they are others'.
  void give_back(PoolRun run);

  /// Maps claimed blocks at `at`, shared. What they held before is still there: see clear().
  int map(void* at, PoolRun run) const;
  /// Zeroes a mapped run with stores that leave the cache alone where the CPU has them.
  static void clear(void* at, PoolRun run);
  /// Do claimed blocks read as zero already? Clearing a file would write all of it to storage.
  bool starts_zeroed() const { return kind_ == os::DaxKind::kUnnamedFile && storage_returns_; }

  int fd() const { return fd_; }
  static constexpr std::uint64_t offset_of(std::uint32_t block) {
    return static_cast<std::uint64_t>(block) << kBlockShift;
  }
  std::uint32_t block_count() const { return block_count_; }
  /// May its blocks be mapped copy-on-write (a file), or not (a devdax device)?
  bool maps_private() const { return kind_ != os::DaxKind::kDevice; }

  /// In a fork's child: the parent keeps its blocks, the child has none. What the child has mapped
  /// of them stays mapped and, since a mapping keeps the opening alive, stays locked until both
  /// have ended, unless the parent gives it back.
  void abandon_in_child() { close(); }
  /// Blocks that are still mapped stay locked until they are unmapped.
  void close();

 private:
  PoolRun lock_run(std::uint32_t begin, std::uint32_t end, std::uint32_t wanted) const;
  PoolRun unheld_run(std::uint32_t begin, std::uint32_t end, std::uint32_t wanted) const;
  PoolRun give_storage(PoolRun run);
  void take_storage(PoolRun run);
  void unlock(PoolRun run) const;
  bool is_stored(PoolRun run) const;
  void note_stored(PoolRun run);
  void note_released(PoolRun run);
  bool holds(std::uint32_t block) const { return (held_[block / 64] >> (block % 64) & 1) != 0; }
  void note_held(PoolRun run);
  void note_free(PoolRun run);

  int fd_ = -1;
  std::uint32_t block_count_ = 0;
  std::uint32_t next_ = 0;  ///< where the search goes on
  os::DaxKind kind_ = os::DaxKind::kFile;
  bool storage_returns_ = true;    ///< the filesystem takes storage back, which zeroes it
  std::uint64_t* held_ = nullptr;  ///< bit n: this pool holds block n
  /// Bit n: this pool has given block n its storage, which then stays until the pool takes it.
  std::uint64_t* stored_ = nullptr;
};

}  // namespace terrace::backing
