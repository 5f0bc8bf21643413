// SPDX-License-Identifier: Apache-2.0
#include "tiering/control/os/process_facts.h"

#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <climits>
#include <thread>

namespace terrace::control::os::process_facts_test {
namespace {

TEST(ProcessFacts, KnowThisProcess) {
  const auto facts = facts_of(getpid());
  ASSERT_TRUE(facts.ok()) << facts.error().message;
  EXPECT_EQ(facts->pid, getpid());
  EXPECT_EQ(facts->inner_pid, getpid());
  EXPECT_EQ(facts->owner, getuid());
  EXPECT_EQ(facts->preloaded, Preloaded::kNo);
  EXPECT_TRUE(shares_network(*facts));
}

TEST(ProcessFacts, LeadFromAThreadToItsProcess) {
  pid_t thread_id = 0;
  std::thread([&] {
    thread_id = static_cast<pid_t>(syscall(SYS_gettid));
    const auto facts = facts_of(thread_id);
    ASSERT_TRUE(facts.ok());
    EXPECT_EQ(facts->pid, getpid());
    EXPECT_EQ(facts->inner_pid, getpid());
  }).join();
  EXPECT_NE(thread_id, getpid());
}

TEST(ProcessFacts, SayThatThereIsNoSuchProcess) {
  const auto facts = facts_of(INT_MAX);
  ASSERT_FALSE(facts.ok());
  EXPECT_EQ(facts.error().code, ErrorCode::kUsage);
}

TEST(ProcessFacts, OfAnEndedProcessThatNobodyWaitedForAreNoReasonToAsk) {
  const pid_t child = fork();
  if (child == 0) _exit(0);
  siginfo_t info{};
  ASSERT_EQ(waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT), 0);
  const auto facts = facts_of(child);
  ASSERT_TRUE(facts.ok());
  EXPECT_EQ(facts->state, 'Z');
  EXPECT_NE(facts->preloaded, Preloaded::kYes);
  EXPECT_TRUE(status_names(*facts).empty());
  waitpid(child, nullptr, 0);
}

}  // namespace
}  // namespace terrace::control::os::process_facts_test
