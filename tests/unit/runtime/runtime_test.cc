// SPDX-License-Identifier: Apache-2.0
// The runtime from end to end: programs under the real shim, each in several tier set-ups.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "profiler/session/format.h"
#include "profiler/sites/call_site.h"
#include "tests/unit/extent/huge_pages.h"
#include "tests/unit/runtime/program.h"
#include "tests/unit/runtime/run_program.h"

namespace terrace::e2e {
namespace {

bool userfaultfd_is_everybodys() {
  std::ifstream in("/proc/sys/vm/unprivileged_userfaultfd");
  int allowed = 0;
  return in >> allowed && allowed == 1;
}

bool emulation_missing(std::string& why) {
  if (geteuid() == 0 || access("/dev/userfaultfd", R_OK | W_OK) == 0) return false;
  if (userfaultfd_is_everybodys()) return false;
  why = "userfaultfd for kernel faults: run as root or make /dev/userfaultfd accessible";
  return true;
}

class Runtime : public testing::Test {
 protected:
  void SetUp() override {
    if (std::string why; emulation_missing(why)) GTEST_SKIP() << why;
  }
  testing_support::HugePages pages_{512};
};

/// What DAX tiers of the tests lie on.
class Pools {
 public:
  Pools() {
    char pattern[] = "/dev/shm/terrace-pool-XXXXXX";
    const int file = mkstemp(pattern);
    EXPECT_GE(file, 0);
    EXPECT_EQ(ftruncate(file, static_cast<off_t>(GiB(4).value)), 0);
    close(file);
    file_ = pattern;
  }
  ~Pools() {
    std::filesystem::remove_all(folder_);
    std::filesystem::remove(file_);
  }
  Pools(const Pools&) = delete;
  Pools& operator=(const Pools&) = delete;
  const std::string& file() const { return file_; }
  const std::string& folder() const { return folder_; }

 private:
  std::string file_;
  std::string folder_ = scratch_directory();
};

/// The same case on one backing after the other.
class OnEachTier : public Runtime, public testing::WithParamInterface<const char*> {
 protected:
  Scenario tier_scenario() {
    const std::string kind = GetParam();
    if (kind.starts_with("dax")) return dax_scenario(kind);
    if (kind == "plain") return scenario_of({plain_tier("fast", GiB(4))});
    if (kind == "writes_tracked") return recorded_by(session::SourceKind::kWriteTracking);
    if (kind == "referenced") return recorded_by(session::SourceKind::kReferencedBits);
    if (kind == "emulated") return scenario_of({emulated_tier("slow", GiB(4))});
    Scenario made = scenario_of({plain_tier("fast", GiB(2)), emulated_tier("slow", GiB(2))});
    made.options.policy = runtime::DefaultPolicy::kInterleave;
    if (kind == "recorded") {
      made.options.record = true;
      made.options.window_hz = 50;
    }
    return made;
  }
  /// Windows as often as they fit: their memory is handled while they are open.
  Scenario recorded_by(session::SourceKind source) {
    Scenario made = scenario_of({plain_tier("fast", GiB(2)), emulated_tier("slow", GiB(2))});
    made.options.policy = runtime::DefaultPolicy::kInterleave;
    made.options.record = true;
    made.options.window_hz = 200;
    made.options.budget_ppm = 0;
    made.options.source = static_cast<std::uint32_t>(source);
    return made;
  }
  /// Pools are a file of 4 GiB without storage yet, in memory, and a folder on storage.
  Scenario dax_scenario(const std::string& kind) {
    const Tier file = dax_tier("dax", GiB(4), pools_.file());
    if (kind == "dax_file") return scenario_of({file});
    if (kind == "dax_folder") return scenario_of({dax_tier("dax", GiB(1), pools_.folder())});
    Scenario made = scenario_of({plain_tier("fast", GiB(2)), file});
    made.options.policy = runtime::DefaultPolicy::kInterleave;
    if (kind == "dax_recorded") {
      made.options.record = true;
      made.options.window_hz = 50;
    }
    return made;
  }
  void passes(const char* program_case) {
    const Outcome outcome = run(tier_scenario(), program_case);
    EXPECT_EQ(outcome.exit_status, 0) << outcome.said;
    ASSERT_TRUE(outcome.status.is_object()) << outcome.said;
    EXPECT_GT(outcome.count("objects"), 0u) << "nothing was placed";
    EXPECT_EQ(outcome.count("unplaced"), 0u);
  }

  Pools pools_;
};

TEST_P(OnEachTier, HeapCallsKeepTheirData) {
  passes("heap_calls");
}
TEST_P(OnEachTier, FragmentsOfAMappingCanBeUnmapped) {
  passes("unmap_fragments");
}
TEST_P(OnEachTier, DiscardedMemoryIsZero) {
  passes("discard_zeroes");
}
TEST_P(OnEachTier, PartsCanBeProtected) {
  passes("protect_parts");
}
TEST_P(OnEachTier, RemapKeepsData) {
  passes("remap_grows_and_shrinks");
}
TEST_P(OnEachTier, ForkIsAnExactSnapshot) {
  passes("fork_snapshot");
}
class OnRecordedTier : public OnEachTier {};
TEST_P(OnRecordedTier, ForkLeavesAWatchedBlockItsData) {
  passes("fork_while_watched");
}
INSTANTIATE_TEST_SUITE_P(Backing, OnRecordedTier,
                         testing::Values("recorded", "dax_recorded", "writes_tracked"),
                         [](const auto& param) { return std::string(param.param); });
TEST_P(OnEachTier, DiscardAfterForkIsZero) {
  passes("fork_discard");
}
TEST_P(OnEachTier, ForkExecAndSpawnOfLargePrograms) {
  passes("fork_and_exec_large");
}
TEST_P(OnEachTier, ForksWhileEightThreadsAllocate) {
  passes("fork_while_allocating");
}

INSTANTIATE_TEST_SUITE_P(Backing, OnEachTier,
                         testing::Values("plain", "emulated", "striped", "recorded", "dax_file",
                                         "dax_folder", "dax_striped", "dax_recorded",
                                         "writes_tracked", "referenced"),
                         [](const auto& param) { return std::string(param.param); });

TEST_F(Runtime, WhatAWindowDroppedComesBackWithoutTheProgramsFaults) {
  Scenario made = scenario_of({plain_tier("fast", GiB(1))});
  made.options.record = true;
  made.options.window_hz = 50;
  made.options.budget_ppm = 0;
  made.options.source = static_cast<std::uint32_t>(session::SourceKind::kPresentBits);
  const Outcome outcome = run(made, "dropped_entries_come_back");
  if (outcome.exit_status == e2e::kNoHugePages) {
    GTEST_SKIP() << "missing capability: free huge pages (vm.nr_overcommit_hugepages)";
  }
  EXPECT_EQ(outcome.exit_status, 0) << outcome.said;
}

TEST_F(Runtime, FullTierSpillsAndCounts) {
  const Outcome outcome =
      run(scenario_of({plain_tier("fast", MiB(16)), emulated_tier("slow", MiB(100))}), "spill");
  ASSERT_EQ(outcome.exit_status, 0) << outcome.said;
  EXPECT_EQ(outcome.peak("fast"), MiB(16).value);
  EXPECT_EQ(outcome.peak("slow"), MiB(24).value);
  EXPECT_EQ(outcome.count("spilled_blocks"), 12u);
  EXPECT_EQ(outcome.count("objects"), 10u);
}

TEST_F(Runtime, WithAllTiersFullTheHeapBehindServes) {
  const Outcome outcome = run(
      scenario_of({plain_tier("fast", MiB(8)), emulated_tier("slow", MiB(8))}), "fill_every_tier");
  ASSERT_EQ(outcome.exit_status, 0) << outcome.said;
  EXPECT_EQ(outcome.peak("fast"), MiB(8).value);
  EXPECT_EQ(outcome.peak("slow"), MiB(8).value);
  EXPECT_EQ(outcome.count("objects"), 5u);
  EXPECT_EQ(outcome.count("unplaced"), 36u);
}

TEST_F(Runtime, WithoutHugePagesSmallOnesServe) {
  const Outcome outcome = run(scenario_of({emulated_tier("slow", GiB(100))}), "large_small_pages");
  ASSERT_EQ(outcome.exit_status, 0) << outcome.said;
  EXPECT_EQ(outcome.count("small_page_objects"), 1u);
}

TEST_F(Runtime, LatePlacementLosesNoWrite) {
  Scenario made = scenario_of({emulated_tier("slow", GiB(1))});
  made.options.late_size = MiB(64);
  made.options.late_age_ms = 1;
  const Outcome outcome = run(made, "late_placement");
  ASSERT_EQ(outcome.exit_status, 0) << outcome.said;
  EXPECT_GE(outcome.count("placed_late"), 1u);
}

TEST_F(Runtime, LatePlacementOnADaxTierLosesNoWrite) {
  const Pools pools;
  Scenario made = scenario_of({dax_tier("dax", GiB(1), pools.file())});
  made.options.late_size = MiB(64);
  made.options.late_age_ms = 1;
  const Outcome outcome = run(made, "late_placement");
  ASSERT_EQ(outcome.exit_status, 0) << outcome.said;
  EXPECT_GE(outcome.count("placed_late"), 1u);
}

TEST_F(Runtime, TheStatusTellsADaxTiersPathAndBlocks) {
  const Pools pools;
  const Outcome outcome = run(
      scenario_of({plain_tier("fast", MiB(16)), dax_tier("dax", MiB(100), pools.file())}), "spill");
  ASSERT_EQ(outcome.exit_status, 0) << outcome.said;
  EXPECT_EQ(outcome.peak("dax"), MiB(24).value);
  EXPECT_EQ(outcome.count("spilled_blocks"), 12u);
  const auto& tier = outcome.status.at("tiers").at(1);
  EXPECT_EQ(tier.at("backing"), "dax");
  EXPECT_EQ(tier.at("path"), pools.file());
  EXPECT_EQ(tier.at("opened"), true);
  EXPECT_EQ(tier.at("pool_bytes"), MiB(100).value);
  EXPECT_EQ(outcome.status.at("tiers").at(0).at("backing"), "numa");
}

TEST_F(Runtime, ADaxTierThatCannotBeOpenedHoldsNothing) {
  const Outcome outcome = run(scenario_of({dax_tier("dax", GiB(1), "/nonexistent/a \"pool\""),
                                           plain_tier("plain", GiB(1))}),
                              "spill");
  ASSERT_EQ(outcome.exit_status, 0) << outcome.said;
  EXPECT_EQ(outcome.peak("dax"), 0u);
  EXPECT_EQ(outcome.peak("plain"), MiB(40).value);
  EXPECT_EQ(outcome.status.at("tiers").at(0).at("path"), "/nonexistent/a \"pool\"");
  EXPECT_EQ(outcome.status.at("tiers").at(0).at("opened"), false);
  const auto first = outcome.said.find("terrace: tier dax: /nonexistent/a \"pool\"");
  ASSERT_NE(first, std::string::npos) << outcome.said;
  EXPECT_EQ(outcome.said.find("terrace: ", first + 1), std::string::npos) << outcome.said;
}

TEST_F(Runtime, StrictEndsWith125WithoutTheDaxTier) {
  Scenario made =
      scenario_of({plain_tier("plain", GiB(1)), dax_tier("dax", GiB(1), "/nonexistent/pool")});
  made.options.strict = true;
  const Outcome outcome = run(made, "spill");
  EXPECT_EQ(outcome.exit_status, 125);
  EXPECT_NE(outcome.said.find("/nonexistent/pool"), std::string::npos) << outcome.said;
}

TEST_F(Runtime, LatePlacementLeavesReshapedMemoryAlone) {
  Scenario made = scenario_of({emulated_tier("slow", GiB(1))});
  made.options.late_size = MiB(64);
  made.options.late_age_ms = 500;  // reshaped long before, also on a busy machine
  const Outcome outcome = run(made, "late_leaves_protected_parts");
  EXPECT_EQ(outcome.exit_status, 0) << outcome.said;
}

/// A file of random bytes, with an odd tail.
class WithFile : public Runtime {
 protected:
  void SetUp() override {
    Runtime::SetUp();
    path_ = directory_ + "/weights.bin";
    write_random(path_, kFileBytes);
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }
  Scenario file_scenario() const {
    Scenario made = scenario_of({plain_tier("fast", GiB(1)), emulated_tier("slow", GiB(1))});
    made.environment.push_back("TERRACE_TEST_FILE=" + path_);
    return made;
  }
  static constexpr std::uint64_t kFileBytes = 20 * (1u << 20) + 12345;
  std::string directory_ = scratch_directory();
  std::string path_;
};

TEST_F(WithFile, MaterialisedFileReadsAsTheFile) {
  const Outcome outcome = run(file_scenario(), "map_file");
  EXPECT_EQ(outcome.exit_status, 0) << outcome.said;
}

TEST_F(WithFile, MaterialisedFileOnADaxTierReadsAsTheFile) {
  const Pools pools;
  Scenario made = scenario_of({dax_tier("dax", GiB(1), pools.file())});
  made.environment.push_back("TERRACE_TEST_FILE=" + path_);
  const Outcome outcome = run(made, "map_file");
  EXPECT_EQ(outcome.exit_status, 0) << outcome.said;
  EXPECT_GE(outcome.peak("dax"), kFileBytes);
}

TEST_F(WithFile, PlannedMapIsFollowedBlockByBlock) {
  const CallSite site = sites::file_site(path_.c_str(), kFileBytes, 0);
  plan::PlannedObject object;
  object.key = {site.hash, kFileBytes, 0, Origin::kFile};
  object.label = "weights";
  object.block_tiers = {0, 1, 1, 0, 1, 1, 1, 0, 1, 1, 1};
  object.shares = {3.0 / 11, 8.0 / 11};
  Scenario made = file_scenario();
  plan::Plan plan;
  plan.machine_id = made.topology.machine_id;
  plan.tiers = made.topology.tiers;
  plan.objects.push_back(object);
  made.plan = &plan;
  made.options.threshold = GiB(1);  // only the file
  const Outcome outcome = run(made, "map_file");
  ASSERT_EQ(outcome.exit_status, 0) << outcome.said;
  EXPECT_EQ(outcome.count("planned"), 1u);
  EXPECT_EQ(outcome.count("objects"), 1u);
  EXPECT_EQ(outcome.peak("fast"), 3 * kBlockBytes.value);
  EXPECT_EQ(outcome.peak("slow"), 8 * kBlockBytes.value);
  EXPECT_EQ(outcome.count("spilled_blocks"), 0u);
}

class WithoutRights : public Runtime {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "root's right to become another user";
    if (userfaultfd_is_everybodys()) GTEST_SKIP() << "userfaultfd is open to everybody here";
    for (auto path = std::filesystem::path(TERRACE_RUNTIME_PROGRAM); path.has_relative_path();
         path = path.parent_path()) {
      const auto mode = std::filesystem::status(path).permissions();
      if ((mode & std::filesystem::perms::others_exec) == std::filesystem::perms::none) {
        GTEST_SKIP() << "a build directory that other users may enter: " << path;
      }
    }
  }
};

TEST_F(WithoutRights, TheProgramRunsUnplacedAfterOneMessage) {
  Scenario made = scenario_of({emulated_tier("slow", GiB(1))});
  made.as_nobody = true;
  const Outcome outcome = run(made, "heap_calls");
  EXPECT_EQ(outcome.exit_status, 0) << outcome.said;
  EXPECT_TRUE(outcome.status.is_null());
  const auto first = outcome.said.find("terrace: userfaultfd");
  ASSERT_NE(first, std::string::npos) << outcome.said;
  EXPECT_NE(outcome.said.find("runs unplaced"), std::string::npos) << outcome.said;
  EXPECT_EQ(outcome.said.find("terrace: ", first + 1), std::string::npos) << outcome.said;
}

TEST_F(WithoutRights, StrictEndsTheProgramWith125) {
  Scenario made = scenario_of({emulated_tier("slow", GiB(1))});
  made.as_nobody = true;
  made.options.strict = true;
  EXPECT_EQ(run(made, "heap_calls").exit_status, 125);
}

TEST_F(WithoutRights, PlainTiersNeedNone) {
  Scenario made = scenario_of({plain_tier("fast", GiB(1))});
  made.as_nobody = true;
  const Outcome outcome = run(made, "heap_calls");
  EXPECT_EQ(outcome.exit_status, 0) << outcome.said;
  ASSERT_TRUE(outcome.status.is_object());
  EXPECT_GT(outcome.count("objects"), 0u);
}

}  // namespace
}  // namespace terrace::e2e
