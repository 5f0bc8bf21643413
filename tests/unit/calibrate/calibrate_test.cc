// SPDX-License-Identifier: Apache-2.0
// What calibration makes of figures, and its cache. The figures are injected but for one test.
#include "profiler/calibrate/calibrate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>

#include "allocators/topology/text_file.h"

namespace terrace::calibrate {
namespace {

namespace fs = std::filesystem;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Tier numa_tier(const std::string& name, int node) {
  Tier tier;
  tier.name = name;
  tier.kind = TierKind::kDram;
  tier.nodes = {static_cast<NodeId>(node)};
  tier.capacity = {GiB(8), Provenance::kSysfs};
  return tier;
}

Tier emulated_tier() {
  Tier tier = numa_tier("slow", 0);
  tier.backing = BackingKind::kEmulatedLink;
  tier.read_bandwidth = {GBps(2.5), Provenance::kUserFile};
  tier.idle_latency = {Nanoseconds(300), Provenance::kUserFile};
  return tier;
}

Topology machine(std::vector<Tier> tiers) {
  Topology topology;
  topology.machine_id = "0123456789abcdef";
  topology.cpu_model = "Example CPU";
  topology.hardware_threads = 2;
  topology.tiers = std::move(tiers);
  return topology;
}

/// Gives 10, 11, 12, ... for the first quantity, 20, 21, ... for the second, and so on.
class FakeProbes {
 public:
  ProbeFactory factory() {
    return [this](const ProbeRequest& request) -> Result<Probe> {
      requests.push_back(request);
      if (refuse_) return make_error(ErrorCode::kCapabilityMissing, 0, "no pages here");
      Probe probe;
      probe.note = note;
      auto counts = std::make_shared<std::map<Quantity, int>>();
      probe.measure = [this, counts](Quantity quantity) -> Result<double> {
        ++measured;
        if (broken) return *broken;
        return 10.0 * (1 + static_cast<int>(quantity)) + (*counts)[quantity]++;
      };
      return probe;
    };
  }
  void refuse() { refuse_ = true; }

  std::vector<ProbeRequest> requests;
  std::string note;
  std::optional<double> broken;
  int measured = 0;

 private:
  bool refuse_ = false;
};

class CalibrateTest : public ::testing::Test {
 protected:
  CalibrateTest() {
    const auto* const test = ::testing::UnitTest::GetInstance()->current_test_info();
    folder_ = fs::path(::testing::TempDir()) /
              (std::string("terrace_calibrate_") + std::to_string(getpid()) + test->name());
    fs::remove_all(folder_);
    path = (folder_ / "deep" / "cache.json").string();
  }
  ~CalibrateTest() override { fs::remove_all(folder_); }

  Result<CalibrationRun> run(const Topology& topology, Reuse reuse = Reuse::kIfValid) {
    return calibrate_cached(topology, {}, path, reuse, probes.factory(), {});
  }
  void write_cache(const std::string& text) {
    fs::create_directories(fs::path(path).parent_path());
    std::ofstream(path, std::ios::binary) << text;
  }

  fs::path folder_;
  std::string path;
  FakeProbes probes;
};

TEST_F(CalibrateTest, TakesMediansAndSpreadsOverAllRounds) {
  const auto result = calibrate(machine({numa_tier("dram", 0)}), {}, probes.factory(), {});
  ASSERT_TRUE(result.ok()) << result.error().message;
  ASSERT_EQ(result->calibration.tiers.size(), 1u);
  const TierMeasurement& dram = result->calibration.tiers[0];
  EXPECT_EQ(dram.from, Provenance::kCalibrated);
  EXPECT_DOUBLE_EQ(dram.read_bandwidth_one_gbps.median, 13);
  EXPECT_DOUBLE_EQ(dram.read_bandwidth_one_gbps.low, 10);
  EXPECT_DOUBLE_EQ(dram.read_bandwidth_one_gbps.high, 16);
  EXPECT_EQ(dram.read_bandwidth_one_gbps.repeats, 7);
  EXPECT_DOUBLE_EQ(dram.read_bandwidth_gbps.median, 23);
  EXPECT_DOUBLE_EQ(dram.idle_latency_ns.median, 33);
  EXPECT_DOUBLE_EQ(dram.loaded_latency_ns.median, 43);
  EXPECT_EQ(result->calibration.threads, 2);
  EXPECT_EQ(result->calibration.machine_id, "0123456789abcdef");
}

TEST_F(CalibrateTest, QuickMeasuresLess) {
  CalibrationOptions options;
  options.effort = Effort::kQuick;
  options.threads = 1;
  const auto result = calibrate(machine({numa_tier("dram", 0)}), options, probes.factory(), {});
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->calibration.tiers[0].idle_latency_ns.repeats, 3);
  EXPECT_EQ(probes.requests[0].threads, 1);
  EXPECT_LE(probes.requests[0].window, milliseconds(50));
}

TEST_F(CalibrateTest, BoundsTheWholeTimeHoweverManyTiersThereAre) {
  std::vector<Tier> tiers;
  for (int node = 0; node < 12; ++node)
    tiers.push_back(numa_tier("t" + std::to_string(node), node));
  ASSERT_TRUE(calibrate(machine(tiers), {}, probes.factory(), {}).ok());
  EXPECT_LE(probes.requests[0].window.value * static_cast<std::uint64_t>(probes.measured),
            milliseconds(8000).value);
}

TEST_F(CalibrateTest, BindsOnlyWhereThereIsAChoice) {
  ASSERT_TRUE(
      calibrate(machine({numa_tier("dram", 0), emulated_tier()}), {}, probes.factory(), {}).ok());
  EXPECT_THAT(probes.requests[0].nodes, IsEmpty());
  probes.requests.clear();
  ASSERT_TRUE(
      calibrate(machine({numa_tier("dram", 0), numa_tier("cxl", 3)}), {}, probes.factory(), {})
          .ok());
  EXPECT_THAT(probes.requests[1].nodes, ElementsAre(NodeId{3}));
}

TEST_F(CalibrateTest, EmulatedTiersKeepTheirConfiguredFiguresAndSaySo) {
  const auto result =
      calibrate(machine({numa_tier("dram", 0), emulated_tier()}), {}, probes.factory(), {});
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(probes.requests.size(), 1u);
  const TierMeasurement& slow = result->calibration.tiers[1];
  EXPECT_EQ(slow.from, Provenance::kUserFile);
  EXPECT_DOUBLE_EQ(slow.read_bandwidth_gbps.median, 2.5);
  EXPECT_DOUBLE_EQ(slow.idle_latency_ns.median, 300);
  EXPECT_EQ(slow.loaded_latency_ns.repeats, 0);
  EXPECT_THAT(result->notes, Contains(HasSubstr("slow: emulated")));
}

TEST_F(CalibrateTest, ReportsEveryStepInOrder) {
  std::vector<CalibrationProgress> seen;
  const auto result =
      calibrate(machine({numa_tier("a", 0), numa_tier("b", 1)}), {}, probes.factory(),
                [&](const CalibrationProgress& step) { seen.push_back(step); });
  ASSERT_TRUE(result.ok());
  ASSERT_EQ(seen.size(), 2u * 7u * 4u);
  for (std::size_t i = 0; i < seen.size(); ++i) {
    EXPECT_EQ(seen[i].step, static_cast<int>(i) + 1);
    EXPECT_EQ(seen[i].steps, 56);
  }
  EXPECT_EQ(seen.front().tier, "a");
  EXPECT_EQ(seen.back().tier, "b");
  EXPECT_EQ(seen.back().quantity, Quantity::kLoadedLatency);
}

TEST_F(CalibrateTest, ErrorsNameTierAndQuantity) {
  probes.broken = std::nan("");
  const auto nothing = calibrate(machine({numa_tier("dram", 0)}), {}, probes.factory(), {});
  ASSERT_FALSE(nothing.ok());
  EXPECT_THAT(nothing.error().message,
              HasSubstr("calibrating tier dram, read bandwidth, one thread:"));
  probes.refuse();
  const auto refused = calibrate(machine({numa_tier("dram", 0)}), {}, probes.factory(), {});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kCapabilityMissing);
  EXPECT_STREQ(refused.error().message, "calibrating tier dram: no pages here");
}

TEST_F(CalibrateTest, PassesOnWhatMakesFiguresDoubtful) {
  probes.note = "too little memory";
  const auto result = calibrate(machine({numa_tier("dram", 0)}), {}, probes.factory(), {});
  ASSERT_TRUE(result.ok());
  EXPECT_THAT(result->notes, ElementsAre("tier dram: too little memory"));
}

TEST_F(CalibrateTest, SecondRunComesFromTheCache) {
  const Topology topology = machine({numa_tier("dram", 0), emulated_tier()});
  const auto first = run(topology);
  ASSERT_TRUE(first.ok()) << first.error().message;
  EXPECT_FALSE(first->from_cache);
  const int measured = probes.measured;
  const auto second = run(topology);
  ASSERT_TRUE(second.ok());
  EXPECT_TRUE(second->from_cache);
  EXPECT_EQ(probes.measured, measured);
  ASSERT_EQ(second->calibration.tiers.size(), 2u);
  EXPECT_DOUBLE_EQ(second->calibration.tiers[0].read_bandwidth_gbps.median, 23);
  EXPECT_EQ(second->calibration.tiers[1].from, Provenance::kUserFile);
  EXPECT_EQ(second->calibration.measured_at_unix_s, first->calibration.measured_at_unix_s);
}

TEST_F(CalibrateTest, CanBeToldToMeasureAgain) {
  const Topology topology = machine({numa_tier("dram", 0)});
  ASSERT_TRUE(run(topology).ok());
  const int measured = probes.measured;
  const auto again = run(topology, Reuse::kNever);
  ASSERT_TRUE(again.ok());
  EXPECT_FALSE(again->from_cache);
  EXPECT_EQ(probes.measured, 2 * measured);
}

TEST_F(CalibrateTest, ATornCacheIsMeasuredAgainWithANote) {
  const Topology topology = machine({numa_tier("dram", 0)});
  ASSERT_TRUE(run(topology).ok());
  const std::string whole = *read_small_file(path);
  for (const std::size_t length : {std::size_t{0}, std::size_t{1}, whole.size() / 2}) {
    write_cache(whole.substr(0, length));
    const auto result = run(topology);
    ASSERT_TRUE(result.ok()) << result.error().message;
    EXPECT_FALSE(result->from_cache);
    EXPECT_THAT(result->notes, Contains(HasSubstr("torn or not a calibration")));
    EXPECT_TRUE(run(topology)->from_cache) << "the new cache serves";
  }
}

TEST_F(CalibrateTest, CachesOfOtherContentAreRefusedWithTheReason) {
  const Topology topology = machine({numa_tier("dram", 0)});
  ASSERT_TRUE(run(topology).ok());
  const std::string whole = *read_small_file(path);
  const auto changed = [&](const std::string& from, const std::string& to) {
    std::string text = whole;
    const std::size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    write_cache(text.replace(at, from.size(), to));
    const auto result = run(topology);
    EXPECT_TRUE(result.ok());
    EXPECT_FALSE(result->from_cache);
    return result->notes.empty() ? std::string("no note") : result->notes.front();
  };
  EXPECT_THAT(changed("\"schema\": 1", "\"schema\": 2"), HasSubstr("\"schema\""));
  EXPECT_THAT(changed("terrace-calibration", "something-else"), HasSubstr("\"kind\""));
  EXPECT_THAT(changed("0123456789abcdef", "fedcba9876543210"),
              HasSubstr("was measured on machine fedcba9876543210"));
  EXPECT_THAT(changed("\"median\": 33.0", "\"median\": -33.0"), HasSubstr("positive number"));
  EXPECT_THAT(changed("\"median\": 33.0", "\"median\": \"x\""), HasSubstr("not a calibration"));
  EXPECT_THAT(changed("\"repeats\": 7", "\"repeats\": 0"), HasSubstr("\"repeats\""));
  EXPECT_THAT(changed("\"repeats\": 7", "\"repeats\": 1e300"), HasSubstr("not a whole number"));
  EXPECT_THAT(changed("\"name\": \"dram\"", "\"name\": \"other\""), HasSubstr("lacks tier dram"));
}

TEST_F(CalibrateTest, ACacheThatCannotBeWrittenIsANote) {
  fs::create_directories(folder_);
  std::ofstream((folder_ / "deep").string()) << "a file where a folder should be";
  const auto result = run(machine({numa_tier("dram", 0)}));
  ASSERT_TRUE(result.ok());
  EXPECT_THAT(result->notes, Contains(HasSubstr("cannot be written")));
}

TEST_F(CalibrateTest, DiscoveryMergesTheCacheBelowTheUsersFigures) {
  std::vector<Tier> tiers = {numa_tier("dram", 0), emulated_tier(), numa_tier("cxl", 1)};
  tiers[0].read_bandwidth = {GBps(99), Provenance::kUserFile};
  tiers[0].idle_latency = {Nanoseconds(99), Provenance::kHmat};
  ASSERT_TRUE(run(machine(tiers)).ok());
  const auto cached = load_calibration(path);
  ASSERT_TRUE(cached.ok()) << cached.error().message;
  tiers[2].nodes = {NodeId{2}};
  merge_calibration(*cached, tiers);
  EXPECT_EQ(tiers[0].read_bandwidth.from, Provenance::kUserFile);
  EXPECT_DOUBLE_EQ(tiers[0].read_bandwidth.value.value, 99);
  EXPECT_EQ(tiers[0].idle_latency.from, Provenance::kCalibrated);
  EXPECT_EQ(tiers[0].idle_latency.value, Nanoseconds(33));
  EXPECT_EQ(tiers[0].read_bandwidth_one.from, Provenance::kCalibrated);
  EXPECT_EQ(tiers[0].loaded_latency.from, Provenance::kCalibrated);
  EXPECT_EQ(tiers[1].read_bandwidth.from, Provenance::kUserFile);
  EXPECT_FALSE(tiers[1].loaded_latency.known());
  EXPECT_FALSE(tiers[2].read_bandwidth.known()) << "measured on other nodes";
}

TEST(CalibrationPath, FollowsTheXdgRules) {
  EXPECT_EQ(calibration_path("ab", "/x", "/home/u"), "/x/terrace/calibration-ab.json");
  EXPECT_EQ(calibration_path("ab", nullptr, "/home/u"),
            "/home/u/.cache/terrace/calibration-ab.json");
  EXPECT_EQ(calibration_path("ab", "", "/home/u"), "/home/u/.cache/terrace/calibration-ab.json");
  EXPECT_EQ(calibration_path("ab", "relative", "/h"), "/h/.cache/terrace/calibration-ab.json");
  EXPECT_EQ(calibration_path("ab", nullptr, nullptr), "/tmp/terrace/calibration-ab.json");
}

Topology with_dax_tier(const std::string& pool) {
  Topology topology;
  topology.machine_id = "machine";
  topology.hardware_threads = 1;
  topology.tiers.resize(1);
  topology.tiers[0].name = "expander";
  topology.tiers[0].backing = BackingKind::kDax;
  topology.tiers[0].path = pool;
  topology.tiers[0].mapping_unit = KiB(4);
  topology.tiers[0].capacity = {MiB(64), Provenance::kUserFile};
  return topology;
}

TEST_F(CalibrateTest, ADaxTierIsMeasuredOnItsOwnBlocks) {
  const std::string pool = path + ".pool";
  std::filesystem::create_directories(std::filesystem::path(pool).parent_path());
  std::ofstream(pool).flush();
  std::filesystem::resize_file(pool, MiB(64).value);
  CalibrationOptions options;
  options.effort = Effort::kQuick;
  const auto result = calibrate(with_dax_tier(pool), options, memory_probes(), {});
  std::filesystem::remove(pool);
  ASSERT_TRUE(result.ok()) << result.error().message;
  ASSERT_EQ(result->calibration.tiers.size(), 1u);
  const TierMeasurement& tier = result->calibration.tiers[0];
  EXPECT_EQ(tier.from, Provenance::kCalibrated);
  EXPECT_GT(tier.read_bandwidth_gbps.low, 0);
  EXPECT_GT(tier.idle_latency_ns.low, 0);
}

TEST_F(CalibrateTest, ADaxTierThatCannotBeOpenedIsANote) {
  CalibrationOptions options;
  options.effort = Effort::kQuick;
  const auto result = calibrate(with_dax_tier("/nonexistent/pool"), options, memory_probes(), {});
  ASSERT_TRUE(result.ok()) << result.error().message;
  EXPECT_TRUE(result->calibration.tiers.empty());
  ASSERT_EQ(result->notes.size(), 1u);
  EXPECT_NE(result->notes[0].find("/nonexistent/pool"), std::string::npos) << result->notes[0];
}

TEST_F(CalibrateTest, RealMemoryGivesFinitePositiveFiguresThatDiscoveryReads) {
  const auto topology = discover_topology({});
  ASSERT_TRUE(topology.ok()) << topology.error().message;
  CalibrationOptions options;
  options.effort = Effort::kQuick;
  const auto result =
      calibrate_cached(*topology, options, path, Reuse::kNever, memory_probes(), {});
  if (!result.ok() && result.error().code == ErrorCode::kCapabilityMissing)
    GTEST_SKIP() << "missing capability: " << result.error().message;
  ASSERT_TRUE(result.ok()) << result.error().message;
  for (const TierMeasurement& tier : result->calibration.tiers)
    for (const Spread* const spread : {&tier.read_bandwidth_gbps, &tier.read_bandwidth_one_gbps,
                                       &tier.idle_latency_ns, &tier.loaded_latency_ns}) {
      EXPECT_TRUE(std::isfinite(spread->median));
      EXPECT_GT(spread->low, 0);
      EXPECT_LE(spread->low, spread->median);
      EXPECT_LE(spread->median, spread->high);
    }
  DiscoveryOptions discovery;
  discovery.calibration_file = path;
  const auto merged = discover_topology(discovery);
  ASSERT_TRUE(merged.ok());
  for (const Tier& tier : merged->tiers)
    EXPECT_EQ(tier.read_bandwidth.from, Provenance::kCalibrated) << tier.name;
}

}  // namespace
}  // namespace terrace::calibrate
