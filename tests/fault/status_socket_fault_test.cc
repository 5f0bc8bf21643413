// SPDX-License-Identifier: Apache-2.0
// Each system call of the status socket is refused: an error that names it, no descriptor left, and
// a program that goes on; a server that cannot receive or send waits and is there again.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "allocators/os/fault_point.h"
#include "tests/fault/process_state.h"
#include "tiering/control/os/process_facts.h"
#include "tiering/control/os/status_query.h"
#include "tiering/control/status_server.h"

namespace terrace::control {
namespace {

using terrace::os::inject_fault;
using terrace::os::SystemCall;

constexpr int kUntouched = 4242;

class StatusSocketFault : public testing::Test {
 protected:
  ~StatusSocketFault() override {
    for (int call = 0; call < static_cast<int>(SystemCall::kCount); ++call) {
      inject_fault(static_cast<SystemCall>(call), 0, 0);
    }
  }
};

TEST_F(StatusSocketFault, OpeningSaysWhichCallWasRefusedAndLeavesNothing) {
  const long files = testing_support::open_files();
  const struct {
    SystemCall call;
    const char* name;
  } kCalls[] = {{SystemCall::kSocket, "socket"},
                {SystemCall::kSocketOption, "setsockopt"},
                {SystemCall::kBind, "bind"},
                {SystemCall::kStat, "fstat"}};
  for (const auto& [call, name] : kCalls) {
    for (const int error : {EPERM, ENOMEM, EMFILE}) {
      os::StatusSocket socket;
      inject_fault(call, 1, error);
      errno = kUntouched;
      const Status opened = socket.open();
      EXPECT_EQ(errno, kUntouched);
      ASSERT_FALSE(opened.ok()) << name;
      EXPECT_NE(std::strstr(opened.error().message, name), nullptr) << opened.error().message;
      EXPECT_EQ(opened.error().saved_errno, error);
      EXPECT_FALSE(socket.is_open());
      EXPECT_EQ(testing_support::open_files(), files) << name;
    }
  }
}

TEST_F(StatusSocketFault, DescriptorThatCannotMoveUpStaysWhereItIs) {
  os::StatusSocket socket;
  inject_fault(SystemCall::kFcntl, 1, EMFILE);
  EXPECT_TRUE(socket.open().ok());
  socket.close();
}

std::size_t write_word(void*, char* out) {
  std::memcpy(out, "word", 4);
  return 4;
}

std::string ask_self() {
  const auto facts = os::facts_of(getpid());
  const auto answers =
      os::ask({{getpid(), getuid(), os::status_names(*facts)}}, milliseconds(5000));
  return answers.ok() && answers->front() ? *answers->front() : "";
}

TEST_F(StatusSocketFault, ServerWithoutAThreadLeavesNoSocket) {
  const long files = testing_support::open_files();
  StatusServer* const server = new StatusServer;
  inject_fault(SystemCall::kThreadCreate, 1, EAGAIN);
  const Status started = server->start(&write_word, nullptr);
  ASSERT_FALSE(started.ok());
  EXPECT_NE(std::strstr(started.error().message, "thread"), nullptr);
  EXPECT_EQ(testing_support::open_files(), files);
  delete server;
}

TEST_F(StatusSocketFault, ServerIsThereAgainAfterItCouldNotReceiveOrSend) {
  StatusServer* const server = new StatusServer;  // its thread lives as long as the process
  ASSERT_TRUE(server->start(&write_word, nullptr).ok());
  ASSERT_EQ(ask_self(), "word");
  inject_fault(SystemCall::kReceive, 1, ENOMEM);
  // The request that is under way was received before the fault; the next wait fails, then pauses.
  EXPECT_EQ(ask_self(), "word");
  EXPECT_EQ(ask_self(), "word");
  inject_fault(SystemCall::kSend, 1, ENOBUFS);
  const auto facts = os::facts_of(getpid());
  const auto lost = os::ask({{getpid(), getuid(), os::status_names(*facts)}}, milliseconds(300));
  ASSERT_TRUE(lost.ok());
  EXPECT_FALSE(lost->front().has_value());
  EXPECT_EQ(ask_self(), "word");
}

}  // namespace
}  // namespace terrace::control
