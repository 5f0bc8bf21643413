// SPDX-License-Identifier: Apache-2.0
// Damaged contents of the kernel's ring buffer: records are walked as the source does, nothing is
// read beyond its end, and what is taken is what a record of that length can hold.
#include <gtest/gtest.h>

#include <vector>

#include "profiler/sources/sample_record.h"
#include "tests/fuzz/mutate.h"
#include "tests/unit/sources/sample_bytes.h"

namespace terrace::sources {
namespace {

constexpr std::uint64_t kFields =
    kSampleTid | kSampleTime | kSampleAddress | kSamplePeriod | kSampleWeight | kSampleDataSource;

std::string good_ring() {
  std::string bytes;
  for (std::uint32_t i = 0; i < 20; ++i) {
    bytes += access_record(7, 0x7f0000000000 + i * 64, i, data_source_bits(2, 0, i % 16, i % 2));
    if (i % 5 == 0) bytes += record_bytes(kLostType, {1, i});
    if (i % 7 == 0) bytes += record_bytes(kThrottleType, {1, 2, 3});
  }
  return bytes;
}

/// Samples that were taken.
int walk(const std::string& bytes) {
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

TEST(FuzzSampleRecord, DamageIsNoticedOrHarmless) {
  const std::string whole = good_ring();
  ASSERT_EQ(walk(whole), 20);
  fuzz::Mutator mutator(fuzz::logged_seed());
  int cut_short = 0;
  for (int round = 0; round < 50000; ++round) {
    cut_short += walk(mutator.damaged_bytes(whole)) < 20 ? 1 : 0;
  }
  EXPECT_GT(cut_short, 0);
}

}  // namespace
}  // namespace terrace::sources
