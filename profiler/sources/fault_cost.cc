// SPDX-License-Identifier: Apache-2.0
#include "profiler/sources/fault_cost.h"

#include <algorithm>
#include <array>

#include "allocators/os/clock.h"
#include "allocators/os/mapping.h"

namespace terrace::sources {
namespace {

constexpr std::size_t kRounds = 9;
constexpr std::uint64_t kPageBytes = 4096;
constexpr std::uint64_t kLineBytes = 64;

Nanoseconds time_of_pass(const char* at, std::uint64_t stride) {
  const volatile char* const bytes = at;
  const Nanoseconds begin = os::thread_cpu_now();
  for (std::uint64_t i = 0; i < kBlockBytes.value; i += stride) (void)bytes[i];
  return os::thread_cpu_now() - begin;
}

/// A program that streams through its memory leaves nothing of the kernel's in the near caches, and
/// its faults take several times as long as those of a loop that does nothing else.
void fill_caches(const char* other_view) {
  (void)time_of_pass(other_view, kLineBytes);
}

Nanoseconds cost_on(char* at, const char* other_view, std::uint64_t page_bytes) {
  std::array<Nanoseconds, kRounds> more;
  for (Nanoseconds& one : more) {
    if (os::drop_pages(at, kBlockBytes) != 0) return Nanoseconds();
    fill_caches(other_view);
    const Nanoseconds with = time_of_pass(at, page_bytes);
    fill_caches(other_view);
    const Nanoseconds without = time_of_pass(at, page_bytes);
    one = with > without ? with - without : Nanoseconds();
  }
  std::sort(more.begin(), more.end());
  return more[kRounds / 2];
}

}  // namespace

Result<Nanoseconds> measure_fault_cost(os::PageKind pages) {
  auto file = os::MemoryFile::create(kBlockBytes, pages);
  if (!file) return file.error();
  auto* const at = static_cast<char*>(os::reserve_address_space(kBlockBytes + kBlockBytes));
  if (at == nullptr) return make_error(ErrorCode::kIo, 0, "no address space for two blocks");
  char* const other_view = at + kBlockBytes.value;
  int error = file->allocate(0, kBlockBytes);
  if (error == 0) error = os::map_shared_file(at, kBlockBytes, file->fd(), 0);
  if (error == 0) error = os::map_shared_file(other_view, kBlockBytes, file->fd(), 0);
  const std::uint64_t page_bytes = pages == os::PageKind::kHuge ? kBlockBytes.value : kPageBytes;
  const Nanoseconds cost = error == 0 ? cost_on(at, other_view, page_bytes) : Nanoseconds();
  os::unmap(at, kBlockBytes + kBlockBytes);
  if (error == 0) return cost;
  return make_error(ErrorCode::kCapabilityMissing, error,
                    "one block of memory cannot be had (errno %d)", error);
}

}  // namespace terrace::sources
