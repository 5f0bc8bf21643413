// SPDX-License-Identifier: Apache-2.0
#include "profiler/sources/referenced_bits.h"

#include <cerrno>

#include "allocators/os/mapping.h"

namespace terrace::sources {
namespace {

constexpr std::uint64_t kPageBytes = 4096;
constexpr Bytes kTable =
    round_up_to_block(Bytes(ReferencedBits::kMostRuns * sizeof(os::ReferencedRange)));

}  // namespace

Status ReferencedBits::open(const Field&) {
  if (const int why = os::referenced_bits_missing(); why != 0) {
    return make_error(ErrorCode::kCapabilityMissing, why,
                      "referenced bits: /proc/self/clear_refs or smaps cannot be used (errno %d); "
                      "a kernel with CONFIG_PROC_PAGE_MONITOR has them",
                      why);
  }
  if (ranges_ != nullptr) return ok_status();
  ranges_ = static_cast<os::ReferencedRange*>(os::map_private_at(nullptr, kTable));
  if (ranges_ != nullptr) return ok_status();
  return make_error(ErrorCode::kIo, ENOMEM, "referenced bits: no address space for their table");
}

int ReferencedBits::begin_run(const BlockRun& run) {
  if (!collecting_) count_ = 0;
  collecting_ = true;
  if (count_ == kMostRuns) return ENOSPC;
  const auto base = reinterpret_cast<std::uintptr_t>(run.at);
  // Runs come in the order of birth, which is nearly that of addresses.
  std::uint32_t at = count_++;
  for (; at > 0 && ranges_[at - 1].base > base; --at) ranges_[at] = ranges_[at - 1];
  ranges_[at] = {base, std::uint64_t{run.blocks} << kBlockShift, 0};
  return 0;
}

int ReferencedBits::begin() {
  if (!collecting_) count_ = 0;
  collecting_ = false;
  return os::clear_referenced();
}

int ReferencedBits::end() {
  return os::read_referenced(ranges_, count_);
}

int ReferencedBits::end_run(const BlockRun& run, std::uint32_t* counts) {
  const auto base = reinterpret_cast<std::uintptr_t>(run.at);
  const os::ReferencedRange* const found = os::range_from(ranges_, count_, base);
  if (found == nullptr || found->base != base) return ENOENT;
  const std::uint64_t pages = found->referenced_bytes / kPageBytes;
  const std::uint64_t room = UINT32_MAX - counts[0];
  counts[0] += static_cast<std::uint32_t>(pages < room ? pages : room);
  return 0;
}

void ReferencedBits::close() {
  count_ = 0;
}

}  // namespace terrace::sources
