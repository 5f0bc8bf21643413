// SPDX-License-Identifier: Apache-2.0
// The answer to a request, who gets it, and what fork and the program's own descriptors do to it.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <thread>

#include "tests/unit/control/status_client.h"

namespace terrace::control::status_server_test {
namespace {

int wait_for(pid_t child) {
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/// The socket of this process that bears one of the names: its descriptor.
int server_descriptor() {
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    const int fd = std::atoi(entry.path().filename().c_str());
    sockaddr_un name{};
    socklen_t size = sizeof name;
    if (getsockname(fd, reinterpret_cast<sockaddr*>(&name), &size) != 0) continue;
    if (name.sun_family != AF_UNIX || size <= offsetof(sockaddr_un, sun_path) + 9) continue;
    if (std::string(name.sun_path + 1, 8) == "terrace/") return fd;
  }
  return -1;
}

TEST(StatusServer, AnswersEachRequestAnew) {
  started_server();
  const std::string first = ask_self();
  const std::string second = ask_self();
  EXPECT_EQ(first.rfind("{\"said\":", 0), 0u) << first;
  EXPECT_NE(first, second);
}

TEST(StatusServer, StartsOnce) {
  started_server();
  started_server();
  EXPECT_EQ(own_names().size(), 1u);
}

TEST(StatusServer, StaysOffTheLowDescriptorNumbers) {
  started_server();
  EXPECT_GT(server_descriptor(), 100);
  EXPECT_NE(fcntl(server_descriptor(), F_GETFD) & FD_CLOEXEC, 0) << "exec must end it";
}

TEST(StatusServer, AnswersManyThreadsThatAskAtOnce) {
  started_server();
  std::atomic<int> answered{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 6; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 5; ++round) answered += ask_self(milliseconds(10000)) != "";
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(answered.load(), 30);
}

TEST(StatusServer, ChildOfAForkHasNoneUntilItStartsItsOwn) {
  StatusServer& server = started_server();
  ASSERT_NE(ask_self(), "");
  const pid_t child = fork();
  if (child == 0) {
    server.abandon_in_child();
    if (server_descriptor() != -1 || !own_names().empty()) _exit(2);
    started_server();
    _exit(ask_self() != "" ? 0 : 3);
  }
  EXPECT_EQ(wait_for(child), 0);
  EXPECT_NE(ask_self(), "") << "the parent's socket went with the child's copy";
}

TEST(StatusServer, LeavesADescriptorAloneThatTheProgramTookOver) {
  const pid_t child = fork();  // the server ends for good
  if (child == 0) {
    StatusServer* const server = &server_of_child();
    if (ask_self() == "") _exit(2);
    const std::vector<std::string> names = own_names();
    RawClient client;
    if (names.size() != 1 || !client.connect(names.front())) _exit(8);
    const int fd = server_descriptor();
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_DGRAM, 0, ends) != 0 || dup2(ends[0], fd) != fd) _exit(3);
    // The thread may still sleep in the socket that it had: the last request of that one wakes it.
    constexpr std::size_t kLength = sizeof os::kStatusRequest - 1;
    if (client.send_until_gone(os::kStatusRequest, kLength) != ECONNREFUSED) _exit(4);
    if (!own_names().empty()) _exit(9);
    if (send(ends[1], "mine", 4, 0) != 4) _exit(5);
    char text[8] = {};
    if (recv(fd, text, sizeof text, MSG_DONTWAIT) != 4) _exit(6);
    server->abandon_in_child();
    _exit(fcntl(fd, F_GETFD) >= 0 ? 0 : 7);
  }
  EXPECT_EQ(wait_for(child), 0);
}

TEST(StatusQuery, TakesNoAnswerFromAnotherProcess) {
  const pid_t meant = getppid();
  int told[2];
  ASSERT_EQ(pipe(told), 0);
  const pid_t impostor = fork();
  if (impostor == 0) {
    server_of_child();
    const std::vector<std::string> names = own_names();
    const std::string name = names.empty() ? "" : names.front();
    if (write(told[1], name.data(), name.size()) != static_cast<ssize_t>(name.size())) _exit(2);
    close(told[1]);
    pause();
    _exit(0);
  }
  close(told[1]);
  std::string name;
  for (char letter = 0; read(told[0], &letter, 1) == 1;) name += letter;
  close(told[0]);
  ASSERT_NE(name, "");
  const auto answers =
      os::ask({{meant, getuid(), {name}}, {impostor, getuid(), {name}}}, milliseconds(500));
  ASSERT_TRUE(answers.ok());
  EXPECT_FALSE((*answers)[0].has_value()) << "the kernel says that another process sent it";
  EXPECT_TRUE((*answers)[1].has_value());
  kill(impostor, SIGKILL);
  wait_for(impostor);
}

TEST(StatusQuery, TakesNoAnswerOfAnotherUser) {
  started_server();
  const auto answers = os::ask({{getpid(), getuid() + 1, own_names()}}, milliseconds(300));
  ASSERT_TRUE(answers.ok());
  // Root's word counts for everybody's process.
  EXPECT_EQ(answers->front().has_value(), getuid() == 0);
}

TEST(StatusQuery, GivesUpOnANameThatNobodyHas) {
  const auto answers = os::ask({{getpid(), getuid(), {"terrace/1/0"}}}, milliseconds(100));
  ASSERT_TRUE(answers.ok());
  EXPECT_FALSE(answers->front().has_value());
}

}  // namespace
}  // namespace terrace::control::status_server_test
