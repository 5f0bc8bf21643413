// SPDX-License-Identifier: Apache-2.0
#include "tiering/control/os/status_query.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <span>

#include "tiering/control/os/status_socket.h"
#include "tiering/control/status_server.h"

namespace terrace::control::os {
namespace {

using Clock = std::chrono::steady_clock;
using Answers = std::vector<std::optional<std::string>>;

/// A datagram socket queues ten by default (net.unix.max_dgram_qlen), and who answers does not
/// wait.
constexpr std::size_t kAtOnce = 8;
constexpr int kAgainMs = 20;

class QuerySocket {
 public:
  QuerySocket() : fd_(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {}
  ~QuerySocket() {
    if (fd_ >= 0) ::close(fd_);
  }
  QuerySocket(const QuerySocket&) = delete;
  QuerySocket& operator=(const QuerySocket&) = delete;

  /// Takes a name of the kernel's choice, so that it can be answered.
  bool ready() const {
    const int on = 1;
    sockaddr_un none{};
    none.sun_family = AF_UNIX;
    return fd_ >= 0 && setsockopt(fd_, SOL_SOCKET, SO_PASSCRED, &on, sizeof on) == 0 &&
           bind(fd_, reinterpret_cast<const sockaddr*>(&none), sizeof none.sun_family) == 0;
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

/// True when nothing more is to be sent there: it was sent, or nobody has that name any more.
bool send_request(int fd, const std::string& name, const std::string& request) {
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  if (name.size() + 1 > sizeof to.sun_path) return true;
  std::memcpy(to.sun_path + 1, name.data(), name.size());
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  const ssize_t put = sendto(fd, request.data(), request.size(), MSG_NOSIGNAL,
                             reinterpret_cast<const sockaddr*>(&to), size);
  return put >= 0 || (errno != EAGAIN && errno != ENOBUFS && errno != EINTR);
}

struct Received {
  ucred from{};
  std::string text;
};

std::optional<Received> receive(int fd) {
  std::string buffer(kMaxDocument, '\0');
  iovec data{buffer.data(), buffer.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(ucred))];
  msghdr header{};
  header.msg_iov = &data;
  header.msg_iovlen = 1;
  header.msg_control = control;
  header.msg_controllen = sizeof control;
  const ssize_t got = recvmsg(fd, &header, MSG_CMSG_CLOEXEC);
  const cmsghdr* const first = got < 0 ? nullptr : CMSG_FIRSTHDR(&header);
  if (first == nullptr || first->cmsg_type != SCM_CREDENTIALS) return std::nullopt;
  Received received;
  std::memcpy(&received.from, CMSG_DATA(first), sizeof received.from);
  buffer.resize(static_cast<std::size_t>(got));
  received.text = std::move(buffer);
  return received;
}

struct Pending {
  const std::string* name;
  std::string request;
  bool sent = false;
};

/// Takes in what has arrived; anybody may have written here.
void take_answers(int fd, std::span<const Question> questions,
                  std::span<std::optional<std::string>> answers) {
  while (auto received = receive(fd)) {
    for (std::size_t i = 0; i < questions.size(); ++i) {
      if (received->from.pid != questions[i].pid || answers[i]) continue;
      if (received->from.uid != questions[i].owner && received->from.uid != 0) continue;
      answers[i] = std::move(received->text);
      break;
    }
  }
}

void ask_some(int fd, std::span<const Question> questions,
              std::span<std::optional<std::string>> answers, Nanoseconds patience) {
  const auto end = Clock::now() + std::chrono::nanoseconds(patience.value);
  std::vector<Pending> pending;
  for (const Question& question : questions) {
    const std::string request =
        question.command.empty() ? kStatusRequest : kCommandPrefix + question.command + "\n";
    for (const std::string& name : question.names) pending.push_back({&name, request});
  }
  const auto wanted = std::count_if(questions.begin(), questions.end(),
                                    [](const Question& one) { return !one.names.empty(); });
  while (Clock::now() < end) {
    for (Pending& one : pending) {
      if (!one.sent) one.sent = send_request(fd, *one.name, one.request);
    }
    pollfd waiting{fd, POLLIN, 0};
    if (::poll(&waiting, 1, kAgainMs) > 0) take_answers(fd, questions, answers);
    const auto there = std::count_if(answers.begin(), answers.end(),
                                     [](const auto& answer) { return answer.has_value(); });
    if (there >= wanted) return;
  }
}

}  // namespace

Result<Answers> ask(const std::vector<Question>& questions, Nanoseconds patience) {
  Answers answers(questions.size());
  for (std::size_t begin = 0; begin < questions.size(); begin += kAtOnce) {
    const QuerySocket socket;
    if (!socket.ready()) {
      return make_error(ErrorCode::kIo, errno, "no socket to ask with: %s", std::strerror(errno));
    }
    const std::size_t count = std::min(kAtOnce, questions.size() - begin);
    ask_some(socket.get(), std::span(questions).subspan(begin, count),
             std::span(answers).subspan(begin, count), patience);
  }
  return answers;
}

}  // namespace terrace::control::os
