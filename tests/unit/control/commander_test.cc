// SPDX-License-Identifier: Apache-2.0
// Who may ask a program for its status, and who may give it a command, by the users that the kernel
// attests: of the program, which may have two, and of whoever knocks.
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "tests/unit/control/status_client.h"
#include "tiering/control/os/process_facts.h"

namespace terrace::control::commander_test {
namespace {

constexpr uid_t kSomebody = 65534;
constexpr uid_t kSomebodyElse = 65533;

struct Encounter {
  uid_t real, effective;  ///< of the program
  uid_t client;
  bool status, command;  ///< is it answered?
};

std::ostream& operator<<(std::ostream& out, const Encounter& met) {
  return out << "program of " << met.real << " and " << met.effective << ", client " << met.client;
}

/// A process of the test, which ends with it.
class Process {
 public:
  template <typename Body>
  explicit Process(const Body& body) {
    int up[2];
    int down[2];
    EXPECT_EQ(pipe(up) | pipe(down), 0);
    pid_ = fork();
    if (pid_ == 0) {
      close(up[0]);
      close(down[1]);
      body(up[1], down[0]);
      _exit(0);
    }
    close(up[1]);
    close(down[0]);
    from_ = up[0];
    to_ = down[1];
  }
  ~Process() {
    close(to_);
    close(from_);
    waitpid(pid_, nullptr, 0);
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  pid_t pid() const { return pid_; }
  /// A byte that it sends; -1: it has ended.
  int next() const {
    unsigned char byte = 0;
    return read(from_, &byte, 1) == 1 ? byte : -1;
  }
  void go_on() const { EXPECT_EQ(write(to_, "", 1), 1); }

 private:
  pid_t pid_ = -1;
  int from_ = -1;
  int to_ = -1;
};

void become(uid_t real, uid_t effective) {
  if (setresuid(real, effective, effective) != 0) _exit(9);
  // A change of user takes back what was asked for before it.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
}

/// How many answers of each sort lie there by now: 1 a status, 2 the answer to a command.
unsigned char answers_at(const RawClient& client) {
  unsigned char seen = 0;
  char text[256];
  for (ssize_t got; (got = recv(client.get(), text, sizeof text, MSG_DONTWAIT)) > 0;) {
    const std::string answer(text, static_cast<std::size_t>(got));
    seen = static_cast<unsigned char>(seen | (answer.rfind("{\"obeyed\":", 0) == 0 ? 2 : 1));
  }
  return seen;
}

void expect_answers(const Encounter& met) {
  SCOPED_TRACE(testing::Message() << met);
  const Process program([&](int up, int down) {
    char byte = 0;
    become(met.real, met.effective);
    server_of_child();
    if (write(up, "", 1) != 1 || read(down, &byte, 1) != 0) _exit(8);
  });
  ASSERT_EQ(program.next(), 0);
  const auto facts = os::facts_of(program.pid());
  ASSERT_TRUE(facts.ok());
  const std::vector<std::string> names = os::status_names(*facts);
  ASSERT_EQ(names.size(), 1u);
  const Process client([&](int up, int down) {
    become(met.client, met.client);
    RawClient socket;
    const std::string command = std::string(os::kCommandPrefix) + "keep\n";
    const bool sent = socket.send(names.front(), command.data(), command.size()) &&
                      socket.send(names.front(), os::kStatusRequest, sizeof os::kStatusRequest - 1);
    char byte = 0;
    if (!sent || write(up, "", 1) != 1 || read(down, &byte, 1) != 1) _exit(8);
    const unsigned char seen = answers_at(socket);
    if (write(up, &seen, 1) != 1) _exit(8);
  });
  ASSERT_EQ(client.next(), 0);
  // Requests are taken in their order: when this one is answered, the client's have been.
  const auto settled = os::ask({{program.pid(), met.real, names}}, milliseconds(10000));
  EXPECT_TRUE(settled.ok() && settled->front());
  client.go_on();
  EXPECT_EQ(client.next(), (met.status ? 1 : 0) | (met.command ? 2 : 0));
}

TEST(Commander, OwnUserIsObeyed) {
  const uid_t own = geteuid();
  expect_answers({own, own, own, true, true});
}

TEST(Commander, OthersAreNotAndNobodyGetsMoreByAProgramOfTwoUsers) {
  if (geteuid() != 0) GTEST_SKIP() << "becoming another user: run as root";
  expect_answers({0, 0, kSomebody, false, false});
  expect_answers({kSomebody, kSomebody, kSomebody, true, true});
  expect_answers({kSomebody, kSomebody, kSomebodyElse, false, false});
  expect_answers({kSomebody, kSomebody, 0, true, true});
  // Somebody's rights and root's: he is answered, and commands neither.
  expect_answers({0, kSomebody, kSomebody, true, false});
  expect_answers({kSomebody, 0, kSomebody, true, false});
  expect_answers({kSomebody, 0, 0, true, true});
  expect_answers({kSomebody, kSomebodyElse, kSomebody, true, false});
  expect_answers({kSomebody, kSomebodyElse, kSomebodyElse, true, false});
}

}  // namespace
}  // namespace terrace::control::commander_test
