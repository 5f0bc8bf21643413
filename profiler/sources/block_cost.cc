// SPDX-License-Identifier: Apache-2.0
#include "profiler/sources/block_cost.h"

#include <cstdint>

#include "allocators/os/clock.h"
#include "allocators/os/mapping.h"
#include "allocators/os/two_processors.h"

namespace terrace::sources {
namespace {

// Faults of small pages take so long that little else shows beside them.
constexpr int kHugeRounds = 9;
constexpr int kSmallRounds = 2;
constexpr std::uint64_t kLineBytes = 64;
// A program that streams leaves nothing of the kernel's in the near caches: of several huge pages
// more than those hold is read. Small ones are so dear that one block of them tells.
constexpr std::uint64_t kHugeBlocks = 8;

/// Rounds of one kind. The machine's other work only ever adds, and more than what is looked for,
/// so that medians of a few rounds differ by ten times; the shortest of all is less than what is
/// usual by a fifth. So it is the mean of the shorter half.
class Rounds {
 public:
  void add(Nanoseconds one) {
    int at = count_++;
    for (; at > 0 && one < times_[at - 1]; --at) times_[at] = times_[at - 1];
    times_[at] = one;
  }
  Nanoseconds time() const {
    const int half = (count_ + 1) / 2;
    Nanoseconds sum;
    for (int i = 0; i < half; ++i) sum = sum + times_[i];
    return Nanoseconds(sum.value / static_cast<std::uint64_t>(half));
  }

 private:
  Nanoseconds times_[kHugeRounds];
  int count_ = 0;
};

Nanoseconds time_of_reading(const char* at, Bytes size) {
  const volatile char* const bytes = at;
  const Nanoseconds begin = os::thread_cpu_now();
  for (std::uint64_t i = 0; i < size.value; i += kLineBytes) (void)bytes[i];
  return os::thread_cpu_now() - begin;
}

Nanoseconds more_of_a_block(const Rounds& with, const Rounds& without, Bytes size) {
  const std::uint64_t blocks = size.value / kBlockBytes.value;
  return with.time() > without.time() ? Nanoseconds((with.time() - without.time()).value / blocks)
                                      : Nanoseconds();
}

/// 0 or an errno value. Without the kernel's populate (before Linux 5.14) nothing is ever put back,
/// and its cost stays 0. Entries are dropped on another processor than the one that reads, as the
/// recorder does it: tables and page descriptors have to come from there.
int measure_on(char* at, Bytes size, int rounds, BlockCost& cost) {
  Rounds as_it_was;
  Rounds faulted;
  Rounds put_back;
  bool populates = true;
  os::TwoProcessors processors;
  (void)processors.to_first();
  for (int i = 0; i < rounds; ++i) {
    (void)time_of_reading(at, size);
    as_it_was.add(time_of_reading(at, size));
    (void)processors.to_second();
    if (const int error = os::drop_pages(at, size); error != 0) return error;
    (void)processors.to_first();
    faulted.add(time_of_reading(at, size));
    (void)processors.to_second();
    if (const int error = os::drop_pages(at, size); error != 0) return error;
    populates = populates && os::populate_read(at, size) == 0;
    (void)processors.to_first();
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
