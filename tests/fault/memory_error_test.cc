// SPDX-License-Identifier: Apache-2.0
// Memory errors under materialised weights, in whole programs under the real shim.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "tests/unit/extent/huge_pages.h"
#include "tests/unit/runtime/run_program.h"

namespace terrace::e2e {
namespace {

constexpr int kSkipped = 77;
constexpr std::uint64_t kFileBytes = 20 * (1u << 20) + 12345;

std::size_t times(const std::string& text, const std::string& word) {
  std::size_t count = 0;
  for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) {
    ++count;
  }
  return count;
}

/// Weights on private memory, and on huge pages of a memory file as while recording.
class MemoryError : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    path_ = directory_ + "/weights.bin";
    write_random(path_, kFileBytes);
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  bool recorded() const { return std::string(GetParam()) == "recorded"; }
  Outcome run_case(const char* name) {
    Scenario made = scenario_of({plain_tier("fast", GiB(1)), plain_tier("slow", GiB(1))});
    made.options.policy = runtime::DefaultPolicy::kInterleave;
    made.options.record = recorded();
    // No window within the test: to look for touched pages drops the kernel's marks that stand for
    // lost ones here. A page that is lost for real stays so.
    made.options.window_hz = 1;
    made.environment.push_back("TERRACE_TEST_FILE=" + path_);
    if (recorded()) made.environment.push_back("TERRACE_TEST_UNIT=2097152");
    return run(made, name);
  }
  void passes(const char* name, std::uint64_t errors, std::uint64_t not_mended) {
    const Outcome outcome = run_case(name);
    if (outcome.exit_status == kSkipped) GTEST_SKIP() << outcome.said;
    EXPECT_EQ(outcome.exit_status, 0) << outcome.said;
    ASSERT_TRUE(outcome.status.is_object()) << outcome.said;
    EXPECT_EQ(outcome.count("memory_errors"), errors);
    EXPECT_EQ(outcome.count("memory_errors_not_mended"), not_mended);
    const std::uint64_t unit = recorded() ? kBlockBytes.value : 4096;
    EXPECT_EQ(outcome.count("reread_bytes"), (errors - not_mended) * unit);
    EXPECT_LE(times(outcome.said, "terrace: memory error"), 1u) << outcome.said;
  }

  testing_support::HugePages pages_{128};
  std::string directory_ = scratch_directory();
  std::string path_;
};

TEST_P(MemoryError, CleanWeightsAreReadAgain) {
  passes("clean_weights_are_read_again", 4, 0);
}
TEST_P(MemoryError, ThreadsOnOneLostPageReadItOnce) {
  passes("threads_on_one_lost_page", recorded() ? 8 : 200, 0);
}
TEST_P(MemoryError, ChildOfAForkReadsAgain) {
  passes("child_reads_again", 0, 0);
}
TEST_P(MemoryError, ChangedFileIsNotMixedIn) {
  passes("changed_file_is_passed_on", 1, 1);
}
TEST_P(MemoryError, WithoutAHandlerTheProgramEndsBySigbus) {
  passes("changed_file_ends_the_program", 0, 0);
}
TEST_P(MemoryError, SystemCallsAnswerEfaultUntilItIsMended) {
  passes("system_calls_on_a_lost_page", 1, 0);
}

INSTANTIATE_TEST_SUITE_P(Pages, MemoryError, testing::Values("private", "recorded"),
                         [](const auto& param) { return std::string(param.param); });

class PrivatePages : public MemoryError {};
TEST_P(PrivatePages, WrittenWeightsAreTheProgramsOwn) {
  passes("written_weights_are_passed_on", 0, 0);
}
INSTANTIATE_TEST_SUITE_P(Pages, PrivatePages, testing::Values("private"),
                         [](const auto& param) { return std::string(param.param); });

}  // namespace
}  // namespace terrace::e2e
