// SPDX-License-Identifier: Apache-2.0
#include "profiler/sources/referenced_bits.h"

#include <errno.h>

namespace terrace::sources {

int ReferencedBits::open_window(Nanoseconds now) {
  const int why = os::clear_referenced();
  open_ = why == 0;
  begin_ = now;
  return why;
}

int ReferencedBits::close_window(os::ReferencedRange* ranges, std::uint32_t count,
                                 Nanoseconds now) {
  if (!open_) return EINVAL;
  open_ = false;
  end_ = now;
  return os::read_referenced(ranges, count);
}

ReferencedBits::Sample ReferencedBits::sample(std::uint64_t object,
                                              const os::ReferencedRange& range) const {
  constexpr std::uint64_t kPageBytes = 4096;
  const std::uint64_t pages = range.referenced_bytes / kPageBytes;
  Sample sample{};
  sample.record.object = object;
  sample.record.source = static_cast<std::uint32_t>(session::SourceKind::kReferencedBits);
  sample.record.begin_ns = begin_.value;
  sample.record.end_ns = end_.value;
  sample.record.observed_ns = (end_ - begin_).value;
  sample.record.block_count = 1;
  sample.touches = static_cast<std::uint32_t>(pages < UINT32_MAX ? pages : UINT32_MAX);
  return sample;
}

}  // namespace terrace::sources
