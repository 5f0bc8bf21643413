// SPDX-License-Identifier: Apache-2.0
#include "wire.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <stdexcept>
#include <system_error>

namespace kv_server {
namespace {

[[noreturn]] void fail(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), what);
}

struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;
  int family = AF_UNIX;

  explicit Address(const std::string& text) {
    std::uint16_t port = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (failed == std::errc() && end == text.data() + text.size()) {
      family = AF_INET;
      auto& inet = reinterpret_cast<sockaddr_in&>(storage);
      inet.sin_family = AF_INET;
      inet.sin_port = htons(port);
      inet.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      size = sizeof inet;
      return;
    }
    auto& local = reinterpret_cast<sockaddr_un&>(storage);
    if (text.empty() || text.size() >= sizeof local.sun_path) {
      throw std::invalid_argument("\"" + text +
                                  "\" is neither a port nor a path of 107 characters");
    }
    local.sun_family = AF_UNIX;
    std::memcpy(local.sun_path, text.c_str(), text.size() + 1);
    size = sizeof local;
  }
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

Descriptor make_socket(const Address& address, const std::string& text) {
  Descriptor made(socket(address.family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (made.fd() < 0) fail(text);
  const int on = 1;
  // Lines are short and each is awaited. On a Unix socket there is no such option.
  (void)setsockopt(made.fd(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return made;
}

}  // namespace

Descriptor::~Descriptor() {
  if (fd_ >= 0) close(fd_);
}

Descriptor listen_at(const std::string& text) {
  const Address address(text);
  Descriptor made = make_socket(address, text);
  const int on = 1;
  (void)setsockopt(made.fd(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(made.fd(), address.get(), address.size) != 0 || listen(made.fd(), 128) != 0) fail(text);
  set_nonblocking(made.fd());
  return made;
}

Descriptor connect_to(const std::string& text) {
  const Address address(text);
  Descriptor made = make_socket(address, text);
  if (connect(made.fd(), address.get(), address.size) != 0) fail(text);
  return made;
}

std::pair<Descriptor, Descriptor> make_pipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) fail("pipe");
  return {Descriptor(ends[0]), Descriptor(ends[1])};
}

void set_nonblocking(int fd) {
  if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) != 0) fail("fcntl");
}

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const auto sent = send(fd, text.data(), text.size(), MSG_NOSIGNAL);
    if (sent <= 0 && errno != EINTR) return false;
    if (sent > 0) text.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

bool read_some(int fd, Lines& into) {
  constexpr int kPatienceMs = 60'000;
  pollfd wait{fd, POLLIN, 0};
  if (poll(&wait, 1, kPatienceMs) != 1) return false;
  char bytes[16384];
  const auto got = recv(fd, bytes, sizeof bytes, 0);
  if (got > 0) into.add({bytes, static_cast<std::size_t>(got)});
  return got > 0;
}

std::optional<std::string> Lines::next() {
  const std::size_t end = text_.find('\n', begin_);
  if (end == std::string::npos) {
    text_.erase(0, begin_);
    begin_ = 0;
    return std::nullopt;
  }
  std::string line = text_.substr(begin_, end - begin_);
  begin_ = end + 1;
  if (!line.empty() && line.back() == '\r') line.pop_back();
  return line;
}

}  // namespace kv_server
