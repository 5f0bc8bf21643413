// SPDX-License-Identifier: Apache-2.0
// Sockets and lines, for the server and its load driver. An address is a path (a Unix socket) or a
// port number (TCP on the loopback interface). Failures are thrown as std::system_error.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace kv_server {

class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  ~Descriptor();
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  int fd() const { return fd_; }

 private:
  int fd_;
};

Descriptor listen_at(const std::string& address);
Descriptor connect_to(const std::string& address);
/// A pipe's ends, neither of which blocks: reading, writing.
std::pair<Descriptor, Descriptor> make_pipe();
void set_nonblocking(int fd);

class Lines;
/// All of it; false when the other side is gone.
bool write_all(int fd, std::string_view text);
/// Waits for some bytes, a minute at most; false: none came.
bool read_some(int fd, Lines& into);

/// Bytes in, lines out.
class Lines {
 public:
  void add(std::string_view bytes) { text_ += bytes; }
  std::optional<std::string> next();
  /// Of the line that is not whole yet.
  std::size_t pending() const { return text_.size() - begin_; }

 private:
  std::string text_;
  std::size_t begin_ = 0;
};

}  // namespace kv_server
