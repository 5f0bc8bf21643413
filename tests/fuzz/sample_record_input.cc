// SPDX-License-Identifier: Apache-2.0
// The contents of the kernel's ring buffer, walked as the source does: nothing is read beyond its
// end, and what is taken is what a record of that length can hold.
#include <gtest/gtest.h>

#include <vector>

#include "profiler/sources/sample_record.h"
#include "tests/fuzz/inputs.h"

namespace terrace::fuzz {

using namespace sources;

constexpr std::uint64_t kFields =
    kSampleTid | kSampleTime | kSampleAddress | kSamplePeriod | kSampleWeight | kSampleDataSource;

int sample_record_input(const std::string& bytes) {
  // Exactly as long as the content, so that a sanitizer sees a read beyond it.
  const std::vector<char> ring(bytes.begin(), bytes.end());
  const auto* const at = reinterpret_cast<const std::byte*>(ring.data());
  int samples = 0;
  for (std::size_t used = 0; used < ring.size();) {
    const std::size_t length = record_length(at + used, ring.size() - used);
    if (length == 0) break;
    const SampleRecord record = parse_record(at + used, length, kFields);
    if (record.kind == RecordKind::kSample) {
      EXPECT_EQ(length, 8u + 6 * 8);
      decode_data_source(record.sample.data_source);
      ++samples;
    }
    used += length;
  }
  return samples;
}

}  // namespace terrace::fuzz
