// SPDX-License-Identifier: Apache-2.0
// What a DAX tier's path leads to, opened: a devdax device (/dev/daxX.Y), a file, or a folder in
// which an unnamed file is made. Then its file's blocks, allocated and given back.
// Used by allocators/backing/block_pool. Thread-safe, never allocates from the heap, keeps errno.
#pragma once

#include <cstdint>

#include <terrace/result.h>
#include <terrace/units.h>

namespace terrace::os {

enum class DaxKind : std::uint8_t {
  kDevice,       ///< memory itself: nothing to allocate, mapped shared only
  kFile,         ///< somebody's file, shared by name, of the size that it has
  kUnnamedFile,  ///< ours alone; it ends with the last of its descriptors and mappings
};

struct DaxDevice {
  int fd = -1;  ///< the caller's to close
  DaxKind kind = DaxKind::kFile;
  Bytes size;
  Bytes mapping_unit;  ///< offset, length and address of mappings are multiples of it
};

/// Opens `path` for reading and writing. `unnamed_size` is the size of the file that is made when
/// it is a folder. `sysfs` is where /sys is, for tests.
/// Errors: kUsage for what is neither device, file nor folder; kCapabilityMissing for rights and
/// for limits of process or filesystem; each with the remedy.
Result<DaxDevice> open_dax(const char* path, Bytes unnamed_size, const char* sysfs = "/sys");

/// Gives a file's range its storage, so that the filesystem's being full shows here and not as
/// SIGBUS at a store. Writes zeros where the filesystem cannot do it otherwise. An errno value.
int allocate_storage(int fd, std::uint64_t offset, Bytes size);
/// Gives it back; the range reads as zero afterwards. An errno value.
int release_storage(int fd, std::uint64_t offset, Bytes size);

}  // namespace terrace::os
