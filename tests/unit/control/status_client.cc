// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/control/status_client.h"

#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstring>
#include <utility>

#include "tiering/control/os/process_facts.h"

namespace terrace::control {
namespace {

std::atomic<int> written{0};
StatusServer* the_server = nullptr;

std::size_t write_document(void* context, char* out) {
  const std::string text = "{\"said\":" + std::to_string(++written) + "}";
  EXPECT_EQ(context, &written);
  std::memcpy(out, text.data(), text.size());
  return text.size();
}

std::size_t obey_command(void*, const char* command, char* out) {
  const std::string text = "{\"obeyed\":\"" + std::string(command) + "\"}";
  std::memcpy(out, text.data(), text.size());
  return text.size();
}

std::pair<sockaddr_un, socklen_t> address_of(const std::string& name) {
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  std::memcpy(to.sun_path + 1, name.data(), name.size());
  return {to, static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size())};
}

}  // namespace

StatusServer& started_server() {
  if (the_server == nullptr) the_server = new StatusServer;
  the_server->obey_by(&obey_command);
  const Status started = the_server->start(&write_document, &written);
  EXPECT_TRUE(started.ok()) << (started.ok() ? "" : started.error().message);
  return *the_server;
}

StatusServer& server_of_child() {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (the_server != nullptr) the_server->abandon_in_child();
  the_server = nullptr;
  return started_server();
}

int documents_written() {
  return written.load();
}

std::vector<std::string> own_names() {
  const auto facts = os::facts_of(getpid());
  return facts.ok() ? os::status_names(*facts) : std::vector<std::string>{};
}

std::string ask_self(Nanoseconds patience) {
  const auto answers = os::ask({{getpid(), getuid(), own_names()}}, patience);
  return answers.ok() && answers->front() ? *answers->front() : std::string();
}

RawClient::RawClient() : fd_(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
  sockaddr_un none{};
  none.sun_family = AF_UNIX;
  EXPECT_EQ(bind(fd_, reinterpret_cast<const sockaddr*>(&none), sizeof none.sun_family), 0);
}

RawClient::~RawClient() {
  close(fd_);
}

bool RawClient::send(const std::string& name, const void* data, std::size_t size) {
  const auto [to, length] = address_of(name);
  return sendto(fd_, data, size, MSG_DONTWAIT | MSG_NOSIGNAL,
                reinterpret_cast<const sockaddr*>(&to), length) >= 0;
}

bool RawClient::connect(const std::string& name) {
  const auto [to, length] = address_of(name);
  return ::connect(fd_, reinterpret_cast<const sockaddr*>(&to), length) == 0;
}

int RawClient::send_until_gone(const void* data, std::size_t size) {
  constexpr timeval kPatience{10, 0};
  if (setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &kPatience, sizeof kPatience) != 0) return errno;
  while (::send(fd_, data, size, MSG_NOSIGNAL) >= 0) {
  }
  return errno;
}

}  // namespace terrace::control
