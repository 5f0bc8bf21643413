// SPDX-License-Identifier: Apache-2.0
// Where the preload shim meets the tiers: each large allocation becomes an object here, gets its
// blocks' tiers from the plan or the default policy, and is carved by allocators/extent.
// Second file on the walk of docs/life-of-an-allocation.md.
// Thread-safe; never allocates from the heap; usable from the first malloc of the process to the
// last free. Every function keeps errno unless it says otherwise.
#pragma once

#include <cstddef>
#include <cstdint>

#include "allocators/base/site_key.h"

namespace terrace::runtime {

/// True when a flat file is in force and objects are wanted. One relaxed load.
bool placing();

/// Sizes from which the shim asks for an object; UINT64_MAX while not placing. One relaxed load.
std::uint64_t heap_threshold_bytes();
std::uint64_t anonymous_threshold_bytes();
std::uint64_t file_threshold_bytes();

enum class Content : std::uint8_t {
  kZero,  ///< the memory reads as zero
  kAny,   ///< it may hold what its last owner left: malloc
};

/// A new object of `size` bytes, 2 MiB-aligned (or to `alignment` when that is larger).
/// nullptr: not placed, the caller takes its ordinary way.
void* allocate_object(std::size_t size, std::size_t alignment, Origin origin, const CallSite& site,
                      Content content);

/// Could `address` be the start of an object? Alignment and one compare; false for nearly all
/// small blocks, so free() asks this first.
bool may_be_object(const void* address);

/// Is `address` inside a live object?
bool owns(const void* address);

/// Frees the object that starts at `address`. False: not ours, pass it on.
bool free_object(void* address);

/// Usable bytes of the object that starts at `address`; 0: not ours.
std::size_t object_size(const void* address);

/// realloc of an object to `size`, still above the threshold: in place when its blocks or those
/// behind it suffice; ordinary memory moves without a copy; else a new object with the data copied.
/// nullptr: not possible, the old object is untouched.
void* resize_object(void* address, std::size_t size, const CallSite& site);

/// What a mapping of a file is to its other users; it matters when it is made writable.
enum class FileView : std::uint8_t {
  kShared,   ///< MAP_SHARED
  kPrivate,  ///< MAP_PRIVATE
};
struct FileRequest {
  int fd = -1;
  std::uint64_t offset = 0;  ///< a multiple of a page
  std::size_t size = 0;
  int protection = 0;
  FileView view = FileView::kPrivate;
};
/// A read-only file mapping as placed memory that holds what the file holds now; nullptr: not
/// placed, by the rule of `materialize` or because it could not be read. Takes as long as reading
/// the file, without the runtime's lock.
void* materialize_file(const FileRequest& request);

/// What the program does to parts of its mappings. Each returns true when [address, address+size)
/// touched our memory and was dealt with (`result` is what the call returns, errno as the kernel
/// would set it); false: not ours, pass it on.
struct MappingResult {
  bool handled = false;
  long result = 0;
};
MappingResult unmap_range(void* address, std::size_t size);
/// Could any of [address, address+size) be ours? Compares only.
bool may_touch(const void* address, std::size_t size);
/// The program maps something of its own over [address, address+size) in a moment: what lies there
/// is ended and no object is ever carved from it again.
void surrender_range(void* address, std::size_t size);
MappingResult advise_range(void* address, std::size_t size, int advice);
MappingResult protect_range(void* address, std::size_t size, int protection);
/// mremap; on success `result` is the new address, which is ordinary memory when it grew.
MappingResult remap_range(void* address, std::size_t old_size, std::size_t new_size, int flags,
                          void* new_address);

}  // namespace terrace::runtime
