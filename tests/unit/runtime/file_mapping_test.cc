// SPDX-License-Identifier: Apache-2.0
// Read-only mappings of files under the real shim: what programs do to them answers as on the
// kernel's own mapping, on every kind of tier; which are copied; what happens to a file that
// changes.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <tuple>
#include <vector>

#include "profiler/sites/call_site.h"
#include "tests/unit/extent/huge_pages.h"
#include "tests/unit/runtime/run_program.h"

namespace terrace::e2e {
namespace {

constexpr std::uint64_t kFileBytes = 20 * (1u << 20) + 12345;

class FileMapping : public testing::Test {
 protected:
  void SetUp() override { write_random(path_, kFileBytes); }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  Scenario with_file(std::vector<Tier> tiers) const {
    Scenario made = scenario_of(std::move(tiers));
    made.environment.push_back("TERRACE_TEST_FILE=" + path_);
    return made;
  }
  Scenario on(const std::string& kind) const {
    std::filesystem::create_directory(directory_ + "/pool");
    const Tier fast = plain_tier("fast", GiB(1));
    Tier slow = plain_tier("slow", GiB(1));
    if (kind == "emulated") slow = emulated_tier("slow", GiB(1));
    if (kind == "dax") slow = dax_tier("slow", GiB(1), directory_ + "/pool");
    Scenario made = with_file({fast, slow});
    made.options.policy = runtime::DefaultPolicy::kInterleave;
    made.options.record = kind == "recorded";
    if (kind == "recorded" || kind == "emulated") {
      made.environment.push_back("TERRACE_TEST_WHOLE_BLOCKS=1");
    }
    return made;
  }
  void holds_alone(const std::string& program_case) const {
    const std::string alone = "TERRACE_TEST_FILE='" + path_ + "' timeout -s KILL 20 " +
                              TERRACE_RUNTIME_PROGRAM + " " + program_case;
    const int status = std::system(alone.c_str());
    ASSERT_TRUE(WIFEXITED(status));
    ASSERT_EQ(WEXITSTATUS(status), 0) << "the case does not hold on the kernel's mapping";
  }

  testing_support::HugePages pages_{512};
  std::string directory_ = scratch_directory();
  std::string path_ = directory_ + "/weights.bin";
};

class FileCall : public FileMapping,
                 public testing::WithParamInterface<std::tuple<const char*, const char*>> {};

TEST_P(FileCall, AnswersAsOnTheKernelsMapping) {
  const auto [kind, program_case] = GetParam();
  holds_alone(program_case);
  const Outcome outcome = run(on(kind), program_case);
  EXPECT_EQ(outcome.exit_status, 0) << outcome.said;
  ASSERT_TRUE(outcome.status.is_object()) << outcome.said;
  EXPECT_GE(outcome.count("files_copied"), 1u) << "nothing was copied";
  EXPECT_EQ(outcome.count("files_left"), 0u);
}

INSTANTIATE_TEST_SUITE_P(
    On, FileCall,
    testing::Combine(testing::Values("plain", "emulated", "recorded", "dax"),
                     testing::Values("private_view_can_be_written",
                                     "discarding_a_written_part_brings_the_file_back",
                                     "shared_view_cannot_be_made_writable",
                                     "advice_for_memory_without_a_file_is_refused",
                                     "growing_shows_more_of_the_file",
                                     "moving_to_a_fixed_place_and_shrinking",
                                     "fragments_can_be_unmapped", "memory_can_be_locked",
                                     "child_has_the_same_view", "system_calls_read_from_the_view")),
    [](const auto& param) {
      return std::string(std::get<0>(param.param)) + "_" + std::get<1>(param.param);
    });

class FileMet : public FileMapping, public testing::WithParamInterface<const char*> {
 protected:
  Outcome met(const char* program_case) {
    Scenario made = on(GetParam());
    made.environment.push_back("TERRACE_TEST_MEET=1");
    const Outcome outcome = run(made, program_case);
    EXPECT_EQ(outcome.exit_status, 0) << outcome.said;
    return outcome;
  }
  static std::uint64_t left(const Outcome& outcome) {
    return outcome.status.is_object() ? outcome.count("files_left") : ~std::uint64_t{0};
  }
};

TEST_P(FileMet, FileThatIsWrittenMeanwhileIsTheKernels) {
  holds_alone("file_that_is_written_while_it_is_read");
  EXPECT_EQ(left(met("file_that_is_written_while_it_is_read")), 1u);
}
TEST_P(FileMet, FileThatIsCutShortMeanwhileIsTheKernels) {
  holds_alone("file_that_is_cut_short_while_it_is_read");
  EXPECT_EQ(left(met("file_that_is_cut_short_while_it_is_read")), 1u);
}
TEST_P(FileMet, ForkMeanwhileHarmsNeitherSide) {
  EXPECT_EQ(left(met("fork_while_a_file_is_read")), 0u);
}
TEST_P(FileMet, OthersAllocateMeanwhile) {
  EXPECT_EQ(left(met("others_allocate_while_a_file_is_read")), 0u);
}
INSTANTIATE_TEST_SUITE_P(On, FileMet, testing::Values("plain", "recorded", "dax"),
                         [](const auto& param) { return std::string(param.param); });

class FileReturn : public FileMapping {
 protected:
  Outcome returning(const char* program_case) {
    holds_alone(program_case);
    Scenario made = on("plain");
    made.options.file_return_ms = 100;
    made.environment.push_back("TERRACE_TEST_MEET=1");
    return run(made, program_case);
  }
};

TEST_F(FileReturn, CopyThatIsNotTouchedLeavesMemory) {
  const Outcome outcome = returning("copy_that_is_not_touched_leaves_memory");
  EXPECT_EQ(outcome.exit_status, 0) << outcome.said;
  ASSERT_TRUE(outcome.status.is_object());
  EXPECT_GE(outcome.count("file_bytes_returned"), 6 * kBlockBytes.value);
}
TEST_F(FileReturn, CopyThatIsReadStays) {
  const Outcome outcome = returning("copy_that_is_read_stays");
  EXPECT_EQ(outcome.exit_status, 0) << outcome.said;
  ASSERT_TRUE(outcome.status.is_object());
  EXPECT_LE(outcome.count("file_bytes_returned"), 2 * kBlockBytes.value);
}

class FileRule : public FileMapping {
 protected:
  std::uint64_t copied(Scenario made, runtime::Materialize rule) {
    made.options.materialize = rule;
    const Outcome outcome = run(made, "system_calls_read_from_the_view");
    EXPECT_EQ(outcome.exit_status, 0) << outcome.said;
    // Without any object the runtime does not start, and has nothing to say.
    return outcome.status.is_object() ? outcome.count("files_copied") : 0;
  }
};

TEST_F(FileRule, AlwaysAndNeverAreMeantSo) {
  EXPECT_EQ(copied(on("plain"), runtime::Materialize::kNever), 0u);
  EXPECT_EQ(copied(with_file({plain_tier("only", GiB(1))}), runtime::Materialize::kAlways), 1u);
}
TEST_F(FileRule, AutoCopiesWhereTiersDiffer) {
  EXPECT_EQ(copied(with_file({plain_tier("only", GiB(1))}), runtime::Materialize::kAuto), 0u);
  EXPECT_EQ(copied(on("plain"), runtime::Materialize::kAuto), 1u);
  EXPECT_EQ(copied(with_file({emulated_tier("only", GiB(1))}), runtime::Materialize::kAuto), 1u);
}
TEST_F(FileRule, AutoCopiesWhileRecording) {
  Scenario made = with_file({plain_tier("only", GiB(1))});
  made.options.record = true;
  EXPECT_EQ(copied(made, runtime::Materialize::kAuto), 1u);
}
TEST_F(FileRule, AutoCopiesWhatThePlanNames) {
  Scenario made = on("plain");
  made.options.policy = runtime::DefaultPolicy::kPassThrough;
  plan::PlannedObject object;
  object.key = {sites::file_site(path_.c_str(), kFileBytes, 0).hash, kFileBytes, 0, Origin::kFile};
  object.block_tiers.assign(11, 1);
  object.shares = {0, 1};
  plan::Plan plan;
  plan.machine_id = made.topology.machine_id;
  plan.tiers = made.topology.tiers;
  plan.objects.push_back(object);
  made.plan = &plan;
  EXPECT_EQ(copied(made, runtime::Materialize::kAuto), 1u);
  plan.objects[0].key.site_hash ^= 1;
  EXPECT_EQ(copied(made, runtime::Materialize::kAuto), 0u);
}

}  // namespace
}  // namespace terrace::e2e
