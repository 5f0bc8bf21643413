// SPDX-License-Identifier: Apache-2.0
#include "profiler/heat/heat_map.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "tests/unit/session/session_builder.h"

namespace terrace::heat::heat_map_test {
namespace {

using session::SessionBuilder;
using session::SourceKind;

constexpr double kBlock = static_cast<double>(kBlockBytes.value);

HeatMap map_of(const SessionBuilder& builder) {
  const auto session =
      session::parse_session(builder.bytes().data(), builder.bytes().size(), "test");
  EXPECT_TRUE(session) << session.error().message;
  Result<HeatMap> map = build_heat_map(*session);
  EXPECT_TRUE(map) << map.error().message;
  return map ? *map : HeatMap{};
}

SessionBuilder two_tiers() {
  SessionBuilder builder;
  builder.tier("fast").tier("slow", BackingKind::kEmulatedLink);
  return builder;
}

TEST(HeatMap, WindowTouchesBecomeBytesPerSecond) {
  SessionBuilder builder = two_tiers();
  builder.object(1, {0, 0});
  // 40 touches in 2 s of windows, spread over 8 s of the session.
  for (int second = 2; second < 10; ++second) {
    builder.heat(1, SourceKind::kPresentBits, second, second + 1, 0.25, {5, 5});
  }
  const HeatMap map = map_of(builder);
  ASSERT_EQ(map.objects.size(), 1u);
  EXPECT_EQ(map.objects[0].source, "present-bits");
  EXPECT_NEAR(map.objects[0].block_bytes_per_second[0], 20 * kBlock, 1);
  // The records from 4 s on are steady: 6 x 10 touches.
  EXPECT_NEAR(map.objects[0].relative_error, 1 / std::sqrt(60.0), 1e-9);
}

TEST(HeatMap, ASamplesCountStandsForTheBytesThatTheSessionStates) {
  SessionBuilder builder = two_tiers();
  builder.object(1, {0, 0}).source(SourceKind::kMemorySamples, 640448);
  for (int second = 2; second < 10; ++second) {
    builder.heat(1, SourceKind::kMemorySamples, second, second + 1, 0.5, {10, 30});
  }
  const HeatMap map = map_of(builder);
  ASSERT_EQ(map.objects.size(), 1u);
  EXPECT_EQ(map.objects[0].source, "memory-samples");
  EXPECT_NEAR(map.objects[0].bytes_per_second(), 80 * 640448.0, 1);
}

TEST(HeatMap, WritesAreToldBesideWhatIsReadAndWritten) {
  SessionBuilder builder = two_tiers();
  builder.object(1, {0, 0}).source(SourceKind::kWriteTracking, 4096);
  for (int second = 2; second < 10; ++second) {
    builder.heat(1, SourceKind::kPresentBits, second, second + 1, 0.25, {5, 5});
    builder.heat(1, SourceKind::kWriteTracking, second, second + 1, 0.25, {0, 512});
  }
  const ObjectHeat heat = map_of(builder).objects.at(0);
  EXPECT_EQ(heat.source, "present-bits");
  EXPECT_NEAR(heat.bytes_per_second(), 40 * kBlock, 1);
  EXPECT_NEAR(heat.bytes_written_per_second(), 4 * kBlock, 1);
}

TEST(HeatMap, WhatTheEngineToldForEachStepComesOutExact) {
  SessionBuilder builder = two_tiers();
  builder.object(1, {0, 1}).source(SourceKind::kHints, 1).source(SourceKind::kHintedWrites, 1);
  // The load is before the first mark, the end of the program behind the last one.
  builder.heat(1, SourceKind::kHints, 0, 3, 3, {77777, 77777});
  builder.chunk(session::ChunkKind::kMark, session::MarkRecord{SessionBuilder::at(3), 0});
  builder.heat(1, SourceKind::kHints, 3, 4.5, 1.5, {30000, 0});
  builder.heat(1, SourceKind::kHintedWrites, 3, 4.5, 1.5, {3000, 0});
  builder.heat(1, SourceKind::kHints, 4.5, 5, 0.5, {40000, 70000});
  builder.heat(1, SourceKind::kHintedWrites, 4.5, 5, 0.5, {0, 0});
  builder.chunk(session::ChunkKind::kMark, session::MarkRecord{SessionBuilder::at(5), 7});
  builder.heat(1, SourceKind::kHints, 5, 9, 4, {99999, 99999});
  const HeatMap map = map_of(builder);
  EXPECT_EQ(map.step_source, "the engine");
  EXPECT_NEAR(map.step_seconds, 2.0 / 7, 1e-12);
  const ObjectHeat& heat = map.objects.at(0);
  EXPECT_EQ(heat.source, "hints");
  EXPECT_EQ(heat.relative_error, 0);
  EXPECT_EQ(heat.written_known_share(), 1);
  EXPECT_NEAR(heat.block_bytes_per_second[0] * map.step_seconds, 10000, 1e-6);
  EXPECT_NEAR(heat.block_bytes_per_second[1] * map.step_seconds, 10000, 1e-6);
  EXPECT_NEAR(heat.bytes_written_per_second() * map.step_seconds, 3000.0 / 7, 1e-6);
}

// As the recorder looks for it: after 4, 8, 16 and 32 s. What is read moves on in between, and all
// of it counts.
TEST(HeatMap, StepsFoundMoreAndMoreRarelyVouchForTheTimeBetweenThem) {
  SessionBuilder builder = two_tiers();
  builder.object(1, {0, 0});
  builder.heat(1, SourceKind::kPresentBits, 0, 2, 2, {90000, 90000});
  for (int second = 4; second < 80; ++second) {
    builder.heat(
        1, SourceKind::kPresentBits, second, second + 1, 1,
        second < 42 ? std::vector<std::uint32_t>{10, 0} : std::vector<std::uint32_t>{0, 10});
  }
  for (const double at : {4, 8, 16, 32, 64}) builder.step(at, 0.01, 10);
  const ObjectHeat heat = map_of(builder).objects.at(0);
  EXPECT_NEAR(heat.block_bytes_per_second[0], 5 * kBlock, 0.01 * kBlock);
  EXPECT_NEAR(heat.block_bytes_per_second[1], 5 * kBlock, 0.01 * kBlock);
}

TEST(HeatMap, AStepThatWasLookedForSeldomVouchesForTheTimeSinceTheLookBefore) {
  SessionBuilder builder = two_tiers();
  builder.object(1, {0, 0});
  for (int second = 0; second < 40; ++second) {
    builder.heat(
        1, SourceKind::kPresentBits, second, second + 1, 1,
        second < 8 ? std::vector<std::uint32_t>{0, 9000} : std::vector<std::uint32_t>{10, 0});
  }
  builder.look(1.5, 3.5).look(6, 8).look(34, 35).step(35, 0.02, 16);
  const HeatMap map = map_of(builder);
  ASSERT_EQ(map.steady.size(), 1u);
  EXPECT_NEAR(map.steady[0].begin_s, 8, 1e-6);
  EXPECT_NEAR(map.steady[0].end_s, 40, 1e-6);
  EXPECT_LT(map.objects.at(0).block_bytes_per_second[1], kBlock) << "of loading it would be 1800";
}

TEST(HeatMap, ALookInVainLongAgoVouchesForNoMoreThanFortySeconds) {
  SessionBuilder builder = two_tiers();
  builder.object(1, {0});
  for (int second = 0; second < 100; ++second) {
    builder.heat(1, SourceKind::kPresentBits, second, second + 1, 1, {10});
  }
  builder.look(2, 4).look(94, 95).step(95, 0.02, 16);
  EXPECT_NEAR(map_of(builder).steady.at(0).begin_s, 55, 1e-6);
}

TEST(HeatMap, OneStepFoundLateIsNotAllOfTheWork) {
  SessionBuilder builder = two_tiers();
  builder.object(1, {0, 0});
  for (int second = 0; second < 100; ++second) {
    builder.heat(
        1, SourceKind::kPresentBits, second, second + 1, 1,
        second < 96 ? std::vector<std::uint32_t>{10, 0} : std::vector<std::uint32_t>{0, 10});
  }
  builder.step(97, 0.05, 16);
  const HeatMap map = map_of(builder);
  EXPECT_NEAR(map.step_seconds, 0.05, 1e-9);
  EXPECT_GT(map.objects.at(0).block_bytes_per_second[0], 9 * kBlock);
}

TEST(HeatMap, MarksThatCountNoStepAreNotBelieved) {
  for (const std::uint64_t steps : {0, 5}) {
    SessionBuilder builder = two_tiers();
    builder.object(1, {0}).source(SourceKind::kHints, 1);
    builder.chunk(session::ChunkKind::kMark, session::MarkRecord{SessionBuilder::at(4), 5});
    builder.heat(1, SourceKind::kHints, 4, 9, 5, {50});
    builder.chunk(session::ChunkKind::kMark, session::MarkRecord{SessionBuilder::at(9), steps});
    const HeatMap map = map_of(builder);
    EXPECT_NE(map.step_source, "the engine");
    EXPECT_NEAR(map.objects.at(0).bytes_per_second(), 10, 1e-9);
  }
}

TEST(HeatMap, WritesBehindALinkAreUnknownAndNotNone) {
  SessionBuilder builder = two_tiers();
  builder.object(1, {0, 1}).object(2, {0}).source(SourceKind::kWriteTracking, 4096);
  for (int second = 2; second < 10; ++second) {
    builder.heat(1, SourceKind::kPresentBits, second, second + 1, 0.25, {5, 0});
    builder.heat(1, SourceKind::kLinkFaults, second, second + 1, 1, {0, 20});
    builder.heat(1, SourceKind::kWriteTracking, second, second + 1, 0.25, {0, 0});
    builder.heat(2, SourceKind::kPresentBits, second, second + 1, 0.25, {1});
  }
  const HeatMap map = map_of(builder);
  EXPECT_EQ(map.objects.at(0).written_known_share(), 0.5);
  EXPECT_EQ(map.objects.at(0).bytes_written_per_second(), 0);
  EXPECT_EQ(map.objects.at(1).written_known_share(), 0);
}

TEST(HeatMap, WritesAloneAreTheHeatOfASessionThatSawNothingElse) {
  SessionBuilder builder = two_tiers();
  builder.object(1, {0, 0}).source(SourceKind::kWriteTracking, 4096);
  for (int second = 2; second < 10; ++second) {
    builder.heat(1, SourceKind::kWriteTracking, second, second + 1, 0.25, {512, 0});
  }
  const ObjectHeat heat = map_of(builder).objects.at(0);
  EXPECT_EQ(heat.source, "write-tracking");
  EXPECT_NEAR(heat.bytes_per_second(), 4 * kBlock, 1);
}

TEST(HeatMap, TellsWhatEachSourceCostAndWasAllowedTo) {
  SessionBuilder builder = two_tiers();
  builder.object(1, {0, 0}).source(SourceKind::kPresentBits, 0, "present-bits work here", 4000000);
  builder.heat(1, SourceKind::kPresentBits, 2, 3, 0.25, {5, 5});
  const HeatMap map = map_of(builder);
  ASSERT_EQ(map.sources.size(), 1u);
  const SourceFacts& source = map.sources[0];
  EXPECT_EQ(source.name, "present-bits");
  EXPECT_EQ(source.choice, "automatic");
  EXPECT_EQ(source.reason, "present-bits work here");
  EXPECT_NEAR(source.budget_share, 0.01, 1e-9);
  EXPECT_NEAR(source.own_cpu_share, 0.004, 1e-9);
  EXPECT_NEAR(source.cpu_share(), 0.006, 1e-9);
}

TEST(HeatMap, NoTouchInAShortLookIsUnknownAndNotCold) {
  SessionBuilder builder = two_tiers();
  builder.object(1, {0, 0});
  builder.object(2, {0, 0});
  for (int second = 4; second < 14; ++second) {
    builder.heat(1, SourceKind::kPresentBits, second, second + 1, 0.5, {0, 0});
  }
  builder.heat(2, SourceKind::kPresentBits, 12, 13, 0.5, {0, 0});
  builder.step(14, 1, 10);
  const HeatMap map = map_of(builder);
  ASSERT_EQ(map.objects.size(), 2u);
  EXPECT_EQ(map.objects[0].source, "present-bits");  // five steps without a touch: cold
  EXPECT_EQ(map.objects[0].watched_seconds, 5);
  EXPECT_EQ(map.objects[1].source, "none");  // half a step
}

TEST(HeatMap, ErrorCoversObjectsThatAreReadInBursts) {
  SessionBuilder builder = two_tiers();
  builder.object(1, std::vector<std::uint8_t>(50, 0));
  // All of its blocks or none in a window: 150 touches, but only three events.
  for (int second = 4; second < 14; ++second) {
    const std::uint32_t all = second % 4 == 0 ? 1 : 0;
    builder.heat(1, SourceKind::kPresentBits, second, second + 1, 0.1,
                 std::vector<std::uint32_t>(50, all));
  }
  builder.step(14, 1, 10);
  const ObjectHeat heat = map_of(builder).objects.at(0);
  EXPECT_NEAR(heat.bytes_per_second(), 3 * 50 * kBlock, 1);
  // Three of ten records: sqrt(10/9 * (3 * 0.7^2 + 7 * 0.3^2)) / 3.
  EXPECT_NEAR(heat.relative_error, std::sqrt(10.0 / 9 * 2.1) / 3, 1e-9);
}

TEST(HeatMap, LinkFaultsAreExactAndWinOnEmulatedTiers) {
  SessionBuilder builder = two_tiers();
  builder.object(1, {0, 1, 0, 1});
  builder.heat(1, SourceKind::kPresentBits, 8, 10, 0.5, {10, 1, 10, 1});
  builder.heat(1, SourceKind::kLinkFaults, 8, 10, 2.0, {0, 42, 0, 38});
  const ObjectHeat heat = map_of(builder).objects.at(0);
  EXPECT_EQ(heat.source, "present-bits+link-faults");
  EXPECT_NEAR(heat.block_bytes_per_second[0], 20 * kBlock, 1);
  EXPECT_NEAR(heat.block_bytes_per_second[1], 21 * kBlock, 1);
  EXPECT_NEAR(heat.block_bytes_per_second[3], 19 * kBlock, 1);
  const double weight = kBlock / 0.5;
  EXPECT_NEAR(heat.relative_error, std::sqrt(20 * weight * weight) / (80 * kBlock), 1e-9);
}

TEST(HeatMap, WhollyExactFiguresHaveNoError) {
  SessionBuilder builder = two_tiers();
  builder.object(1, {1, 1}).heat(1, SourceKind::kLinkFaults, 8, 10, 2.0, {40, 40});
  const ObjectHeat heat = map_of(builder).objects.at(0);
  EXPECT_EQ(heat.source, "link-faults");
  EXPECT_EQ(heat.relative_error, 0);
}

TEST(HeatMap, ReferencedBitsSpreadOverTheObject) {
  SessionBuilder builder = two_tiers();
  builder.object(1, {0, 0});
  builder.heat(1, SourceKind::kReferencedBits, 8, 10, 2.0, {1024});
  const ObjectHeat heat = map_of(builder).objects.at(0);
  EXPECT_EQ(heat.source, "referenced-bits");
  EXPECT_NEAR(heat.bytes_per_second(), 1024 * 4096 / 2.0, 1e-6);
  EXPECT_NEAR(heat.block_bytes_per_second[1], 1024 * 4096 / 4.0, 1e-6);
}

TEST(HeatMap, LoadingBeforeTheFirstStepsDoesNotCount) {
  SessionBuilder builder = two_tiers();
  builder.object(1, {0}).object(2, {0});
  builder.heat(1, SourceKind::kPresentBits, 0, 1, 1, {900});  // written once while loading
  builder.heat(1, SourceKind::kPresentBits, 3, 4, 1, {2});
  builder.heat(2, SourceKind::kPresentBits, 3, 4, 1, {10});
  builder.step(4, 0.1, 10);
  builder.heat(1, SourceKind::kPresentBits, 14, 15, 1, {500});  // long after the work: teardown
  const HeatMap map = map_of(builder);
  ASSERT_EQ(map.objects.size(), 2u);
  EXPECT_EQ(map.objects[0].key.site_hash, 0x1002u) << "hottest first";
  EXPECT_NEAR(map.objects[1].bytes_per_second(), 2 * kBlock, 1);
}

TEST(HeatMap, WithoutStepsTheLastPartOfTheSessionCounts) {
  SessionBuilder builder = two_tiers();
  builder.object(1, {0});
  builder.heat(1, SourceKind::kPresentBits, 0, 3, 3, {900});
  builder.heat(1, SourceKind::kPresentBits, 5, 10, 5, {10});
  EXPECT_NEAR(map_of(builder).objects.at(0).bytes_per_second(), 2 * kBlock, 1);
}

TEST(HeatMap, StepsWithoutHeatInThemFallBackToTheLastPart) {
  SessionBuilder builder = two_tiers();
  builder.object(1, {0}).step(1, 0.1, 5);
  builder.heat(1, SourceKind::kPresentBits, 15, 20, 5, {10});
  const HeatMap map = map_of(builder);
  EXPECT_NEAR(map.objects.at(0).bytes_per_second(), 2 * kBlock, 1);
  EXPECT_NEAR(map.step_seconds, 0.1, 1e-9);
}

// A short recording whose budget was spent in its first half.
TEST(HeatMap, WhereTheLastPartHasNoHeatTheRecordThatReachesIntoItCounts) {
  SessionBuilder builder = two_tiers();
  builder.object(1, {0});
  builder.heat(1, SourceKind::kPresentBits, 0, 1, 0.1, {90});
  builder.heat(1, SourceKind::kPresentBits, 1, 2, 0.1, {10});
  builder.step(4, 0.01, 16);
  const HeatMap map = map_of(builder);
  EXPECT_NEAR(map.objects.at(0).bytes_per_second(), 100 * kBlock, 1);
}

TEST(HeatMap, WhatWasSeenOfTheBeginningAloneIsNotTakenForTheWork) {
  SessionBuilder builder = two_tiers();
  builder.object(1, {0});
  builder.heat(1, SourceKind::kPresentBits, 0, 1, 0.1, {90});
  builder.step(4, 0.01, 16);
  const HeatMap map = map_of(builder);
  EXPECT_EQ(map.objects.at(0).bytes_per_second(), 0);
}

TEST(HeatMap, StepIsTheMedianOfPeriodsWeightedByObservations) {
  SessionBuilder builder = two_tiers();
  builder.object(1, {0}).heat(1, SourceKind::kPresentBits, 5, 6, 1, {10});
  builder.step(5.5, 0.9, 1).step(6, 0.05, 20).step(7, 0.06, 15).step(8, 0.07, 4).step(8, 0, 99);
  const HeatMap map = map_of(builder);
  EXPECT_NEAR(map.step_seconds, 0.05, 1e-9);
  EXPECT_EQ(map.step_source, "watched block");
}

TEST(HeatMap, StepOfADenseObjectFollowsFromItsBlocksRate) {
  SessionBuilder builder = two_tiers();
  builder.object(1, {1, 1, 1, 1, 1, 1}).object(2, {1});
  builder.heat(1, SourceKind::kLinkFaults, 8, 10, 2, {40, 40, 41, 40, 39, 3});
  builder.heat(2, SourceKind::kLinkFaults, 8, 10, 2, {900});
  const HeatMap map = map_of(builder);
  EXPECT_NEAR(map.step_seconds, 0.05, 1e-3);
  EXPECT_EQ(map.step_source, "block touch rate");
}

TEST(HeatMap, NoStepIsClaimedWhenBlocksDiffer) {
  SessionBuilder builder = two_tiers();
  builder.object(1, {1, 1, 1, 1});
  builder.heat(1, SourceKind::kLinkFaults, 8, 10, 2, {5, 40, 90, 300});
  const HeatMap map = map_of(builder);
  EXPECT_EQ(map.step_seconds, 0);
  EXPECT_EQ(map.step_source, "none");
}

TEST(HeatMap, LeavesOutLoadStagingAndKeepsWhatCameAfterALongLoad) {
  SessionBuilder builder = two_tiers();
  builder.object(1, {0}, 0).object(2, {0}, 1).object_end(2, 2).object(3, {0}, 92);
  builder.heat(2, SourceKind::kPresentBits, 1, 2, 1, {50});
  builder.heat(3, SourceKind::kPresentBits, 94, 95, 1, {10});
  builder.heat(1, SourceKind::kPresentBits, 94, 95, 1, {10});
  builder.step(96, 0.1, 50).step(100, 0.1, 40);
  const HeatMap map = map_of(builder);
  ASSERT_EQ(map.objects.size(), 2u);
  for (const ObjectHeat& object : map.objects) EXPECT_NE(object.key.site_hash, 0x1002u);
}

TEST(HeatMap, TheLastBlockCountsOnlyItsOwnBytes) {
  SessionBuilder builder = two_tiers();
  session::ObjectRecord record{};
  record.object = 1;
  record.size_bytes = kBlockBytes.value + 1000;
  record.born_ns = SessionBuilder::at(0);
  record.block_count = 2;
  builder.chunk(session::ChunkKind::kObject, record, std::string("\x01\x01", 2));
  builder.heat(1, SourceKind::kLinkFaults, 8, 10, 2, {20, 20});
  EXPECT_NEAR(map_of(builder).objects.at(0).block_bytes_per_second[1], 10 * 1000.0, 1e-6);
}

TEST(HeatMap, ABlockThatWasGivenBackHasNoHeatAndAKnownTier) {
  SessionBuilder builder = two_tiers();
  builder.object(1, {0, 0xFF}).heat(1, SourceKind::kPresentBits, 5, 10, 5, {10, 0});
  const ObjectHeat heat = map_of(builder).objects.at(0);
  EXPECT_EQ(heat.block_tiers, (std::vector<std::uint8_t>{0, 1}));
  EXPECT_EQ(heat.source, "present-bits");
}

TEST(HeatMap, SaysWhatIsMissing) {
  const auto error_of = [](const SessionBuilder& builder) {
    const auto session =
        session::parse_session(builder.bytes().data(), builder.bytes().size(), "test");
    const auto map = build_heat_map(*session);
    EXPECT_FALSE(map);
    EXPECT_EQ(map.error().code, ErrorCode::kUsage);
    return std::string(map.error().message);
  };
  EXPECT_NE(error_of(two_tiers()).find("no object: in 0 s"), std::string::npos);
  EXPECT_NE(error_of(two_tiers().object(1, {0})).find("no observation"), std::string::npos);
}

TEST(HeatMap, TellsTiersEmulationAndCosts) {
  SessionBuilder builder = two_tiers();
  builder.object(1, {0}).heat(1, SourceKind::kPresentBits, 5, 10, 5, {10});
  // Differences count, not totals: what was waited before the steady time is left out.
  const std::uint64_t s = 1'000'000'000;
  builder.chunk(session::ChunkKind::kCost,
                session::CostRecord{SessionBuilder::at(6), s, 40, 2 * s, 9, s});
  builder.chunk(session::ChunkKind::kCost,
                session::CostRecord{SessionBuilder::at(9), s + 60'000'000, 80, 2 * s + 900'000'000,
                                    9, 3 * s});
  const HeatMap map = map_of(builder);
  EXPECT_TRUE(map.emulated);
  EXPECT_EQ(map.machine_id, "0123456789abcdef");
  EXPECT_EQ(map.executable, "/usr/bin/engine");
  ASSERT_EQ(map.tiers.size(), 2u);
  EXPECT_EQ(map.tiers[1].name, "slow");
  EXPECT_TRUE(map.tiers[1].emulated());
  EXPECT_NEAR(map.recorded_seconds, 10, 1e-9);
  EXPECT_FALSE(map.steady.empty());
  EXPECT_NEAR(map.recorder_cpu_share, 0.02, 1e-9);
  EXPECT_NEAR(map.link_wait_share, 0.3, 1e-9);
  EXPECT_NEAR(map.program_cpu_share, 2.0 / 3, 1e-9);
}

// The recorder's own way of looking: a scan of known period, short windows at random times.
TEST(HeatMap, RecoversTheRateOfACyclicScanFromShortWindows) {
  const unsigned seed = 20240607;
  RecordProperty("seed", static_cast<int>(seed));
  std::mt19937 random(seed);
  constexpr double kPeriod = 0.06;
  constexpr double kWindow = 0.01;
  constexpr std::size_t kBlocks = 200;
  SessionBuilder builder = two_tiers();
  builder.object(1, std::vector<std::uint8_t>(kBlocks, 0));
  std::uniform_real_distribution<double> anywhere(0, kPeriod);
  for (int second = 0; second < 30; ++second) {
    std::vector<std::uint32_t> touches(kBlocks, 0);
    for (int window = 0; window < 8; ++window) {
      const double begin = anywhere(random);
      for (std::size_t block = 0; block < kBlocks; ++block) {
        const double passed = kPeriod * static_cast<double>(block) / kBlocks;
        const double until_pass = std::fmod(passed - begin + kPeriod, kPeriod);
        if (until_pass < kWindow) ++touches[block];
      }
    }
    builder.heat(1, SourceKind::kPresentBits, second, second + 1, 8 * kWindow, touches);
  }
  const HeatMap map = map_of(builder);
  const ObjectHeat& heat = map.objects.at(0);
  EXPECT_NEAR(heat.bytes_per_second(), kBlocks * kBlock / kPeriod,
              0.05 * kBlocks * kBlock / kPeriod);
  EXPECT_EQ(heat.block_bytes_per_second.front(), heat.block_bytes_per_second[100])
      << "one rate is planned as one rate";
  EXPECT_NEAR(map.step_seconds, kPeriod, 0.05 * kPeriod);
}

}  // namespace
}  // namespace terrace::heat::heat_map_test
