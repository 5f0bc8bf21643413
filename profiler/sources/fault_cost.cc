// SPDX-License-Identifier: Apache-2.0
#include "profiler/sources/fault_cost.h"

#include "allocators/os/clock.h"
#include "allocators/os/mapping.h"

namespace terrace::sources {
namespace {

constexpr int kRounds = 9;
constexpr std::uint64_t kPageBytes = 4096;

Nanoseconds time_of_pass(const char* at) {
  const volatile char* const bytes = at;
  const Nanoseconds begin = os::thread_cpu_now();
  for (std::uint64_t i = 0; i < kBlockBytes.value; i += kPageBytes) (void)bytes[i];
  return os::thread_cpu_now() - begin;
}

Nanoseconds cost_on(char* at) {
  Nanoseconds least(~std::uint64_t{0});
  for (int round = 0; round < kRounds; ++round) {
    if (os::drop_pages(at, kBlockBytes) != 0) return Nanoseconds();
    const Nanoseconds with = time_of_pass(at);
    const Nanoseconds without = time_of_pass(at);
    const Nanoseconds more = with - without;
    if (more < least) least = more;
  }
  return least;
}

}  // namespace

Result<Nanoseconds> measure_fault_cost(os::PageKind pages) {
  auto file = os::MemoryFile::create(kBlockBytes, pages);
  if (!file) return file.error();
  auto* const at = static_cast<char*>(os::reserve_address_space(kBlockBytes));
  if (at == nullptr) return make_error(ErrorCode::kIo, 0, "no address space for one block");
  int error = file->allocate(0, kBlockBytes);
  if (error == 0) error = os::map_shared_file(at, kBlockBytes, file->fd(), 0);
  const Nanoseconds cost = error == 0 ? cost_on(at) : Nanoseconds();
  os::unmap(at, kBlockBytes);
  if (error == 0) return cost;
  return make_error(ErrorCode::kCapabilityMissing, error,
                    "one block of memory cannot be had (errno %d)", error);
}

}  // namespace terrace::sources
