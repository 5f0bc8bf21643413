// SPDX-License-Identifier: Apache-2.0
#include "profiler/sources/present_bits.h"

#include "allocators/os/mapping.h"

namespace terrace::sources {

Status PresentBits::open(const Field&) {
  auto presence = os::PagePresence::open();
  if (!presence) return presence.error();
  presence_ = std::move(*presence);
  return ok_status();
}

int PresentBits::begin_run(const BlockRun& run) {
  return os::drop_pages(run.at, Bytes(std::uint64_t{run.blocks} << kBlockShift));
}

int PresentBits::end_run(const BlockRun& run, std::uint32_t* counts) {
  return presence_.count_present(run.at, run.blocks, counts);
}

}  // namespace terrace::sources
