// SPDX-License-Identifier: Apache-2.0
#include "profiler/sources/block_cost.h"

#include <cstdint>

#include "allocators/os/clock.h"
#include "allocators/os/mapping.h"

namespace terrace::sources {
namespace {

// Faults of small pages take so long that little else shows beside them.
constexpr int kHugeRounds = 5;
constexpr int kSmallRounds = 2;
constexpr std::uint64_t kLineBytes = 64;
// A program that streams leaves nothing of the kernel's in the near caches: of several huge pages
// more than those hold is read. Small ones are so dear that one block of them tells.
constexpr std::uint64_t kHugeBlocks = 8;

/// Of all rounds the shortest: the machine's other work only ever adds, and more than what is
/// looked for, so that medians of as few rounds differ by ten times.
struct Shortest {
  Nanoseconds time = Nanoseconds(UINT64_MAX);
  void add(Nanoseconds one) { time = one < time ? one : time; }
};

Nanoseconds time_of_reading(const char* at, Bytes size) {
  const volatile char* const bytes = at;
  const Nanoseconds begin = os::thread_cpu_now();
  for (std::uint64_t i = 0; i < size.value; i += kLineBytes) (void)bytes[i];
  return os::thread_cpu_now() - begin;
}

Nanoseconds more_of_a_block(const Shortest& with, const Shortest& without, Bytes size) {
  const std::uint64_t blocks = size.value / kBlockBytes.value;
  return with.time > without.time ? Nanoseconds((with.time - without.time).value / blocks)
                                  : Nanoseconds();
}

/// 0 or an errno value. Without the kernel's populate (before Linux 5.14) nothing is ever put back,
/// and its cost stays 0.
int measure_on(char* at, Bytes size, int rounds, BlockCost& cost) {
  Shortest as_it_was;
  Shortest faulted;
  Shortest put_back;
  bool populates = true;
  for (int i = 0; i < rounds; ++i) {
    (void)time_of_reading(at, size);
    as_it_was.add(time_of_reading(at, size));
    if (const int error = os::drop_pages(at, size); error != 0) return error;
    faulted.add(time_of_reading(at, size));
    if (const int error = os::drop_pages(at, size); error != 0) return error;
    populates = populates && os::populate_read(at, size) == 0;
    put_back.add(time_of_reading(at, size));
  }
  cost.faulted = more_of_a_block(faulted, as_it_was, size);
  if (populates) cost.put_back = more_of_a_block(put_back, as_it_was, size);
  return 0;
}

Result<BlockCost> measure(os::PageKind pages, Bytes size) {
  auto file = os::MemoryFile::create(size, pages);
  if (!file) return file.error();
  auto* const at = static_cast<char*>(os::reserve_address_space(size));
  if (at == nullptr) return make_error(ErrorCode::kIo, 0, "no address space for a few blocks");
  BlockCost cost;
  int error = file->allocate(0, size);
  if (error == 0) error = os::map_shared_file(at, size, file->fd(), 0);
  const int rounds = pages == os::PageKind::kHuge ? kHugeRounds : kSmallRounds;
  if (error == 0) error = measure_on(at, size, rounds, cost);
  os::unmap(at, size);
  if (error == 0) return cost;
  return make_error(ErrorCode::kCapabilityMissing, error,
                    "a few blocks of memory cannot be had (errno %d)", error);
}

}  // namespace

Result<BlockCost> measure_block_cost(os::PageKind pages) {
  if (pages == os::PageKind::kHuge) {
    const auto several = measure(pages, Bytes(kHugeBlocks * kBlockBytes.value));
    if (several) return several;
  }
  return measure(pages, kBlockBytes);
}

}  // namespace terrace::sources
