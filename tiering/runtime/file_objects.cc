// SPDX-License-Identifier: Apache-2.0
// Read-only file mappings as placed memory: weights that a program maps would otherwise lie in the
// page cache, which no policy of ours can bind to a tier.
#include <sys/mman.h>
#include <cerrno>
#include <cstring>

#include "allocators/os/files.h"
#include "allocators/os/mapping.h"
#include "profiler/sites/call_site.h"
#include "tiering/runtime/placement.h"
#include "tiering/runtime/state.h"

namespace terrace::runtime {

void* materialize_file(int fd, std::uint64_t file_offset, std::size_t size, int protection) {
  if (protection != PROT_READ) return nullptr;
  const auto stamp = os::stamp_of(fd);
  const std::int64_t file_bytes = os::regular_file_size(fd);
  if (file_bytes <= 0 || file_offset >= static_cast<std::uint64_t>(file_bytes)) return nullptr;
  char path[sizeof extent::Object::path] = {};
  if (!os::path_of(fd, path, sizeof path)) return nullptr;
  const CallSite site = sites::file_site(path, static_cast<std::uint64_t>(file_bytes), file_offset);
  void* const at = allocate_object(size, 1, Origin::kFile, site, Content::kZero);
  if (at == nullptr) return nullptr;
  const std::uint64_t there = static_cast<std::uint64_t>(file_bytes) - file_offset;
  // A file that is cut short meanwhile is left to the kernel's own mapping and its errors.
  if (os::read_fully(fd, at, size < there ? size : there, file_offset) != 0) {
    free_object(at);
    return nullptr;
  }
  State& runtime = state();
  const LockGuard guard(runtime.lock);
  extent::Object* object = runtime.arena.find(at);
  std::memcpy(object->path, path, sizeof path);
  object->read_only = true;
  os::protect(at, Bytes(static_cast<std::uint64_t>(object->block_count) << kBlockShift), PROT_READ);
  if (stamp) watch_source(*object, runtime, fd, file_offset, *stamp);
  runtime.recorder.object_placed(runtime, *object);
  return at;
}

}  // namespace terrace::runtime
