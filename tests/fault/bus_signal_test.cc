// SPDX-License-Identifier: Apache-2.0
// A SIGBUS that is not ours reaches the program as if the shim were not there: each case runs
// without it and with it.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tests/unit/runtime/run_program.h"

namespace terrace::e2e {
namespace {

class BusSignal : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    std::ofstream out(path_, std::ios::binary);
    const std::string mebibyte(1 << 20, 'w');
    for (int i = 0; i < 20; ++i) out << mebibyte;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }
  std::string directory_ = scratch_directory();
  std::string path_ = directory_ + "/weights.bin";
};

TEST_P(BusSignal, IsTheProgramsOwn) {
  const std::string alone = "TERRACE_TEST_FILE='" + path_ + "' timeout -s KILL 20 " +
                            TERRACE_RUNTIME_PROGRAM + " " + GetParam();
  const int status = std::system(alone.c_str());
  ASSERT_TRUE(WIFEXITED(status));
  ASSERT_EQ(WEXITSTATUS(status), 0) << "the case does not hold without the shim";
  Scenario made = scenario_of({plain_tier("fast", GiB(1))});
  made.environment.push_back("TERRACE_TEST_FILE=" + path_);
  const Outcome outcome = run(made, GetParam());
  EXPECT_EQ(outcome.exit_status, 0) << outcome.said;
  EXPECT_EQ(outcome.said, "");
  ASSERT_TRUE(outcome.status.is_object());
  EXPECT_GE(outcome.count("objects"), 1u) << "nothing was materialised";
  EXPECT_EQ(outcome.count("memory_errors"), 0u);
}

INSTANTIATE_TEST_SUITE_P(Case, BusSignal,
                         testing::Values("handler_from_before", "handler_from_after",
                                         "handler_by_signal", "handler_is_reset",
                                         "handler_on_its_own_stack", "default_action_ends_it",
                                         "sent_signals_arrive_as_sent",
                                         "child_of_vfork_changes_its_own",
                                         "set_while_errors_arrive"),
                         [](const auto& param) { return std::string(param.param); });

}  // namespace
}  // namespace terrace::e2e
