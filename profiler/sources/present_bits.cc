// SPDX-License-Identifier: Apache-2.0
#include "profiler/sources/present_bits.h"

#include "allocators/os/mapping.h"

namespace terrace::sources {

Status PresentBits::open() {
  auto presence = os::PagePresence::open();
  if (!presence) return presence.error();
  presence_ = std::move(*presence);
  return ok_status();
}

int PresentBits::begin(void* at, std::uint64_t blocks) {
  return os::drop_pages(at, Bytes(blocks << kBlockShift));
}

int PresentBits::end(const void* at, std::uint64_t blocks, std::uint32_t* touches) {
  return presence_.count_present(at, blocks, touches);
}

}  // namespace terrace::sources
