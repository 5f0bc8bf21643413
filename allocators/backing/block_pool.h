// SPDX-License-Identifier: Apache-2.0
// Blocks of 2 MiB from one device or file that is mapped shared: a devdax device, a file on fsdax,
// any file. Used by allocators/extent for tiers with BackingKind::kDax; the resident half of the
// DAX backing (dax_map.h is the half for programs that link Terrace).
// Several processes may share a device: a block in use is held by an open-file-description lock
// (fcntl F_OFD_SETLK) on its bytes. The kernel keeps those locks and drops them when the holder
// ends, however it ends, so the map of who has what is never stored and never stale: it is asked
// for again (F_OFD_GETLK) at each claim. A path that is a folder gives each process a file of its
// own without a name (O_TMPFILE), which ends with the process.
// Serialised by the runtime's lock; never allocates from the heap; errors as errno values.
#pragma once

#include <cstdint>

#include <terrace/result.h>
#include <terrace/units.h>

namespace terrace::backing {

/// Adjacent blocks of a pool; `count` 0: none.
struct PoolRun {
  std::uint32_t first = 0;
  std::uint32_t count = 0;
};

class BlockPool {
 public:
  constexpr BlockPool() = default;

  /// Opens `path` and learns its size. A folder's or file's own blocks are allocated when they are
  /// claimed (fallocate), so that a full filesystem shows as a failed claim and not as SIGBUS.
  /// Errors: kUsage for a path that is none of these, a device smaller than a block or a mapping
  /// unit above 2 MiB; kCapabilityMissing when it may not be opened for reading and writing.
  Status open(const char* path, Bytes capacity, Bytes mapping_unit);
  bool is_open() const { return fd_ >= 0; }

  /// Up to `wanted` adjacent blocks that nobody holds. Count 0: none left, or the filesystem is
  /// full.
  PoolRun claim(std::uint32_t wanted);
  void give_back(PoolRun run);

  /// Maps claimed blocks at `at`, shared. What they held before is still there: see clear().
  int map(void* at, PoolRun run) const;
  /// Zeroes a mapped run with stores that leave the cache alone where the CPU has them.
  static void clear(void* at, PoolRun run);

  int fd() const { return fd_; }
  static std::uint64_t offset_of(std::uint32_t block) {
    return static_cast<std::uint64_t>(block) << kBlockShift;
  }
  std::uint32_t block_count() const { return block_count_; }
  /// May its blocks be mapped copy-on-write (a file), or not (a devdax device)?
  bool maps_private() const { return !is_device_; }

  /// In a fork's child: the parent keeps its blocks, the child has none.
  void abandon_in_child();
  void close();

 private:
  int fd_ = -1;
  std::uint32_t block_count_ = 0;
  std::uint32_t next_ = 0;  ///< where the search goes on
  bool is_device_ = false;
  bool is_unnamed_ = false;
  std::uint64_t* held_ = nullptr;  ///< bit n: this process holds block n
};

}  // namespace terrace::backing
