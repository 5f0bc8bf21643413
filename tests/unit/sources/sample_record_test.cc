// SPDX-License-Identifier: Apache-2.0
#include "profiler/sources/sample_record.h"

#include <gtest/gtest.h>

#include "tests/unit/sources/sample_bytes.h"

namespace terrace::sources::sample_record_test {
namespace {

constexpr std::uint64_t kOwnFields =
    kSampleTid | kSampleTime | kSampleAddress | kSamplePeriod | kSampleWeight | kSampleDataSource;

SampleRecord parse(const std::string& bytes, std::uint64_t fields = kOwnFields) {
  return parse_record(reinterpret_cast<const std::byte*>(bytes.data()), bytes.size(), fields);
}

// A load that missed all caches as the kernel passes PEBS on: load, L3 miss, RAM, 312 cycles.
TEST(SampleRecord, OfAPebsLoadHasAddressLatencyAndLevel) {
  const std::uint64_t source = data_source_bits(2, 0x02 | 0x80, 0xd, 0);
  const SampleRecord record = parse(access_record(4242, 0x7f1234567890, 312, source));
  ASSERT_EQ(record.kind, RecordKind::kSample);
  EXPECT_EQ(record.sample.pid, 4242u);
  EXPECT_EQ(record.sample.tid, 4242u);
  EXPECT_EQ(record.sample.time_ns, 123456789u);
  EXPECT_EQ(record.sample.address, 0x7f1234567890u);
  EXPECT_EQ(record.sample.period, 10007u);
  EXPECT_EQ(record.sample.weight, 312u);
  const DataSource decoded = decode_data_source(record.sample.data_source);
  EXPECT_EQ(decoded.access, AccessKind::kLoad);
  EXPECT_EQ(decoded.level, MemoryLevel::kMemory);
}

// IBS tags any operation: one without an access has address 0 and an empty data source.
TEST(SampleRecord, OfAnIbsOperationWithoutAccessIsWholeAndNowhere) {
  const SampleRecord record = parse(access_record(4242, 0, 0, data_source_bits(1, 0x01, 0xf, 0)));
  ASSERT_EQ(record.kind, RecordKind::kSample);
  EXPECT_EQ(record.sample.address, 0u);
  EXPECT_EQ(decode_data_source(record.sample.data_source).access, AccessKind::kUnknown);
}

struct Level {
  std::uint64_t bits;
  AccessKind access;
  MemoryLevel level;
};
class DataSources : public testing::TestWithParam<Level> {};
TEST_P(DataSources, AreDecodedAsTheHeaderLaysThemOut) {
  const DataSource source = decode_data_source(GetParam().bits);
  EXPECT_EQ(source.access, GetParam().access);
  EXPECT_EQ(source.level, GetParam().level);
}
INSTANTIATE_TEST_SUITE_P(
    Sources, DataSources,
    testing::Values(
        Level{data_source_bits(2, 0, 0x1, 0), AccessKind::kLoad, MemoryLevel::kL1},
        Level{data_source_bits(2, 0, 0xc, 0), AccessKind::kLoad, MemoryLevel::kFillBuffer},
        Level{data_source_bits(2, 0, 0x2, 0), AccessKind::kLoad, MemoryLevel::kL2},
        Level{data_source_bits(2, 0, 0x3, 0), AccessKind::kLoad, MemoryLevel::kL3},
        Level{data_source_bits(2, 0, 0xd, 1), AccessKind::kLoad, MemoryLevel::kRemoteMemory},
        Level{data_source_bits(2, 0, 0x9, 0), AccessKind::kLoad, MemoryLevel::kCxl},
        Level{data_source_bits(2, 0, 0xe, 0), AccessKind::kLoad, MemoryLevel::kPersistent},
        Level{data_source_bits(4, 0x02 | 0x08, 0, 0), AccessKind::kStore, MemoryLevel::kL1},
        Level{data_source_bits(2, 0x02 | 0x10, 0, 0), AccessKind::kLoad, MemoryLevel::kFillBuffer},
        Level{data_source_bits(2, 0x02 | 0x20, 0, 0), AccessKind::kLoad, MemoryLevel::kL2},
        Level{data_source_bits(2, 0x02 | 0x40, 0, 0), AccessKind::kLoad, MemoryLevel::kL3},
        Level{data_source_bits(2, 0x02 | 0x100, 0, 0), AccessKind::kLoad,
              MemoryLevel::kRemoteMemory},
        Level{data_source_bits(2, 0x02 | 0x2000, 0, 0), AccessKind::kLoad, MemoryLevel::kUncached},
        Level{data_source_bits(8, 0, 0x2, 0), AccessKind::kPrefetch, MemoryLevel::kL2},
        Level{0, AccessKind::kUnknown, MemoryLevel::kUnknown}));

TEST(SampleRecord, TakesEveryFieldItKnowsInTheKernelsOrder) {
  const std::uint64_t all = kOwnFields | kSampleIdentifier | kSampleIp | kSampleId |
                            kSampleStreamId | kSampleCpu | kSampleTransaction;
  const std::string bytes = record_bytes(
      kSampleTypeOfRecord, {1 /* identifier */, 2 /* ip */, 7, 3 /* time */, 0xabc /* address */,
                            5 /* id */, 6 /* stream */, 0 /* cpu */, 99 /* period */,
                            12 /* weight */, 2 /* source */, 0 /* transaction */});
  const SampleRecord record = parse(bytes, all);
  ASSERT_EQ(record.kind, RecordKind::kSample);
  EXPECT_EQ(record.sample.pid, 7u);
  EXPECT_EQ(record.sample.address, 0xabcu);
  EXPECT_EQ(record.sample.period, 99u);
  EXPECT_EQ(record.sample.weight, 12u);
  EXPECT_EQ(record.sample.data_source, 2u);
}

TEST(SampleRecord, OfAnotherLengthThanItsFieldsIsMalformed) {
  const std::string bytes = access_record(1, 2, 3, 4);
  EXPECT_EQ(parse(bytes, kOwnFields | kSampleIp).kind, RecordKind::kMalformed);
  EXPECT_EQ(parse(bytes, kOwnFields & ~std::uint64_t{kSampleTime}).kind, RecordKind::kMalformed);
}

TEST(SampleRecord, WithFieldsOfUnknownLengthIsNotTaken) {
  constexpr std::uint64_t kCallChain = 1u << 5;
  EXPECT_EQ(parse(access_record(1, 2, 3, 4), kOwnFields | kCallChain).kind, RecordKind::kMalformed);
}

TEST(SampleRecord, TellsOfLostSamplesAndThrottling) {
  const SampleRecord lost = parse(record_bytes(kLostType, {11, 400}));
  ASSERT_EQ(lost.kind, RecordKind::kLost);
  EXPECT_EQ(lost.lost, 400u);
  EXPECT_EQ(parse(record_bytes(kLostSamplesType, {31})).lost, 31u);
  EXPECT_EQ(parse(record_bytes(kThrottleType, {1, 2, 3})).kind, RecordKind::kThrottled);
  EXPECT_EQ(parse(record_bytes(kForkType, {1, 2, 3})).kind, RecordKind::kOther);
  EXPECT_EQ(parse(record_bytes(kLostType, {11})).kind, RecordKind::kMalformed);
}

TEST(SampleRecord, HasALengthOnlyWhenItsHeaderIsWholeAndFits) {
  const std::string bytes = access_record(1, 2, 3, 4);
  const auto* at = reinterpret_cast<const std::byte*>(bytes.data());
  EXPECT_EQ(record_length(at, bytes.size()), bytes.size());
  EXPECT_EQ(record_length(at, bytes.size() + 64), bytes.size());
  EXPECT_EQ(record_length(at, bytes.size() - 8), 0u);
  EXPECT_EQ(record_length(at, 7), 0u);
  std::string odd = bytes;
  odd[6] = 9;
  EXPECT_EQ(record_length(reinterpret_cast<const std::byte*>(odd.data()), odd.size()), 0u);
  odd[6] = 0;
  EXPECT_EQ(record_length(reinterpret_cast<const std::byte*>(odd.data()), odd.size()), 0u);
}

}  // namespace
}  // namespace terrace::sources::sample_record_test
