// SPDX-License-Identifier: Apache-2.0
// Read-only file mappings as placed memory: weights that a program maps would otherwise lie in the
// page cache, which no policy of ours can bind to a tier.
#include <sys/mman.h>
#include <cerrno>
#include <cstring>

#include "allocators/extent/file_fill.h"
#include "allocators/os/console.h"
#include "allocators/os/file_reader.h"
#include "allocators/os/files.h"
#include "allocators/os/keep_errno.h"
#include "allocators/os/mapping.h"
#include "profiler/sites/call_site.h"
#include "tiering/runtime/placement.h"
#include "tiering/runtime/state.h"

namespace terrace::runtime {
namespace {

using ull = unsigned long long;

bool plan_names(const FlatView& flat, const CallSite& site, std::size_t size) {
  for (std::uint32_t i = 0; i < flat.header->object_count; ++i) {
    const FlatObject& planned = flat.objects[i];
    if (planned.site_hash == site.hash && planned.size_bytes == size &&
        planned.origin == static_cast<std::uint32_t>(Origin::kFile)) {
      return true;
    }
  }
  return false;
}

/// Can it matter where a page lies? On one tier of plain memory the page cache is as good.
bool tiers_differ(const FlatView& flat) {
  return flat.header->tier_count > 1 ||
         static_cast<BackingKind>(flat.tiers[0].backing) != BackingKind::kNuma;
}

/// The rule of `materialize`. Reads only what never changes after the start.
bool wants_copy(const FlatView& flat, const CallSite& site, std::size_t size) {
  const auto rule = static_cast<Materialize>(flat.header->materialize);
  if (rule != Materialize::kAuto) return rule == Materialize::kAlways;
  if (flat.has(kFlagRecord) || plan_names(flat, site, size)) return true;
  const auto policy = static_cast<DefaultPolicy>(flat.header->default_policy);
  return policy != DefaultPolicy::kPassThrough && tiers_differ(flat);
}

void say_progress(void* path, const extent::FillProgress& progress) {
  const std::uint64_t ms = progress.since_begin.value / 1000000;
  os::message("%s: %llu of %llu MiB read, %llu MiB/s", static_cast<const char*>(path),
              static_cast<ull>(progress.done_bytes >> 20),
              static_cast<ull>(progress.total_bytes >> 20),
              static_cast<ull>((progress.done_bytes >> 20) * 1000 / (ms != 0 ? ms : 1)));
}

void count_fill(Counters& counters, const extent::FillOutcome& outcome) {
  counters.file_bytes_cached.fetch_add(outcome.cached.value, std::memory_order_relaxed);
  counters.file_bytes_direct.fetch_add(outcome.direct.value, std::memory_order_relaxed);
  counters.file_bytes_buffered.fetch_add(outcome.buffered.value, std::memory_order_relaxed);
}

struct FileToCopy {
  const FileRequest& request;
  std::uint64_t file_bytes;
  os::FileStamp stamp;  ///< before it was read
  char path[sizeof extent::Object::path] = {};
};

/// Reads the file into an object of ours that nobody else knows. False: it changed meanwhile, was
/// cut short, or could not be read.
bool fill(State& runtime, FileToCopy& file, void* at) {
  const FileRequest& request = file.request;
  const std::uint64_t there = file.file_bytes - request.offset;
  extent::FileFill wanted;
  wanted.fd = request.fd;
  wanted.offset = request.offset;
  wanted.size = Bytes(request.size < there ? request.size : there);
  wanted.to = at;
  if (runtime.flat.has(kFlagVerbose)) wanted.progress = &say_progress;
  wanted.context = file.path;
  const extent::FillOutcome outcome = extent::fill_from_file(wanted);
  count_fill(runtime.counters, outcome);
  if (outcome.error != 0) return false;
  const auto after = os::stamp_of(request.fd);
  return after && *after == file.stamp;
}

void set_filling(State& runtime, const FileToCopy& file, void* at) {
  const LockGuard guard(runtime.lock);
  extent::Object& object = *runtime.arena.find(at);
  object.filling = true;
  object.shared_view = file.request.view == FileView::kShared;
  std::memcpy(object.path, file.path, sizeof file.path);
}

/// From here on it is as the program asked for.
void finish(State& runtime, const FileToCopy& file, void* at) {
  const LockGuard guard(runtime.lock);
  extent::Object& object = *runtime.arena.find(at);
  object.filling = false;
  object.read_only = true;
  os::protect(at, Bytes(static_cast<std::uint64_t>(object.block_count) << kBlockShift), PROT_READ);
  object.content_fd =
      os::keep_descriptor(file.request.fd);  // without one it can do less, see there
  object.content_offset = file.request.offset;
  object.stamp = file.stamp;
  watch_content(object, runtime);
  runtime.file_returns.add(runtime, object);
  runtime.counters.files_copied.fetch_add(1, std::memory_order_relaxed);
  runtime.recorder.object_placed(runtime, object);
}

}  // namespace

void* materialize_file(const FileRequest& request) {
  const os::KeepErrno keep;
  State& runtime = state();
  if (request.protection != PROT_READ || !runtime.flat.valid()) return nullptr;
  const std::int64_t file_bytes = os::regular_file_size(request.fd);
  if (file_bytes <= 0 || request.offset >= static_cast<std::uint64_t>(file_bytes)) return nullptr;
  FileToCopy file{request, static_cast<std::uint64_t>(file_bytes), {}, {}};
  if (!os::path_of(request.fd, file.path, sizeof file.path)) return nullptr;
  const CallSite site = sites::file_site(file.path, file.file_bytes, request.offset);
  if (!wants_copy(runtime.flat, site, request.size)) return nullptr;
  const auto stamp = os::stamp_before_reading(request.fd);
  if (!stamp || stamp->size_bytes != file_bytes) return nullptr;
  file.stamp = *stamp;
  void* const at = allocate_object(request.size, 1, Origin::kFile, site, Content::kZero);
  if (at == nullptr) return nullptr;
  set_filling(runtime, file, at);
  if (!fill(runtime, file, at)) {
    // The kernel's own mapping shows the file as it is, and its errors.
    free_object(at);
    runtime.counters.files_left.fetch_add(1, std::memory_order_relaxed);
    return nullptr;
  }
  finish(runtime, file, at);
  return at;
}

void end_unfinished_files(State& runtime) {
  for (std::uint32_t i = 0; i < runtime.arena.object_slots(); ++i) {
    extent::Object& object = runtime.arena.slot(i);
    if (object.pages != extent::Pages::kNone && object.filling) end_object(runtime, object);
  }
}

}  // namespace terrace::runtime
