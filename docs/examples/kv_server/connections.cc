// SPDX-License-Identifier: Apache-2.0
#include "connections.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "protocol.h"

namespace kv_server {
namespace {

constexpr std::size_t kMostUnread = 1 << 20;

}  // namespace

Connections::Connections(const std::string& address, std::size_t most)
    : address_(address), most_(most), listener_(listen_at(address)), wake_(make_pipe()) {}

Connections::~Connections() {
  unlink(address_.c_str());  // of a Unix socket; a port has no such file
}

void Connections::stop() {
  // A full pipe has woken it already, and then some byte of it is read before the next wait.
  [[maybe_unused]] const auto written = write(wake_.second.fd(), "s", 1);
}

void Connections::send(std::uint64_t id, const std::string& line) {
  {
    const std::lock_guard lock(mutex_);
    const auto found = connections_.find(id);
    if (found == connections_.end()) return;
    Connection& connection = found->second;
    connection.out += line;
    connection.out += '\n';
    if (connection.out.size() > kMostUnread) connection.broken = true;
  }
  [[maybe_unused]] const auto written = write(wake_.second.fd(), "w", 1);
}

void Connections::accept_all() {
  for (;;) {
    Descriptor socket(accept4(listener_.fd(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (socket.fd() < 0) return;
    const std::lock_guard lock(mutex_);
    if (connections_.size() >= most_) continue;  // it sees that it was closed
    connections_[next_id_++].socket = std::move(socket);
  }
}

void Connections::receive(std::uint64_t id, Connection& connection, const Handlers& handlers) {
  char bytes[16384];
  const auto got = recv(connection.socket.fd(), bytes, sizeof bytes, 0);
  if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
    const std::lock_guard lock(mutex_);
    connection.broken = true;
    return;
  }
  if (got < 0) return;
  connection.in.add({bytes, static_cast<std::size_t>(got)});
  while (const auto line = connection.in.next()) handlers.line(id, *line);
  if (connection.in.pending() <= kMaxLine) return;
  const std::lock_guard lock(mutex_);
  connection.broken = true;
}

/// Under mutex_.
void Connections::flush(Connection& connection) {
  if (connection.out.empty() || connection.broken) return;
  const auto sent = ::send(connection.socket.fd(), connection.out.data(), connection.out.size(),
                           MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent > 0) connection.out.erase(0, static_cast<std::size_t>(sent));
  if (sent < 0 && errno != EAGAIN && errno != EINTR) connection.broken = true;
}

/// Takes what is in the pipe.
bool Connections::woken_to_stop() {
  char bytes[256];
  const auto got = read(wake_.first.fd(), bytes, sizeof bytes);
  return got > 0 && std::memchr(bytes, 's', static_cast<std::size_t>(got)) != nullptr;
}

/// Writes what is there to be written; who is broken is taken out, and named.
std::vector<std::uint64_t> Connections::flush_all() {
  std::vector<std::uint64_t> gone;
  const std::lock_guard lock(mutex_);
  for (auto& [id, connection] : connections_) {
    flush(connection);
    if (connection.broken) gone.push_back(id);
  }
  for (const std::uint64_t id : gone) connections_.erase(id);
  return gone;
}

void Connections::serve(const Handlers& handlers) {
  for (;;) {
    for (const std::uint64_t id : flush_all()) handlers.closed(id);
    std::vector<pollfd> waits = {{listener_.fd(), POLLIN, 0}, {wake_.first.fd(), POLLIN, 0}};
    std::vector<std::uint64_t> ids;
    {
      const std::lock_guard lock(mutex_);
      for (const auto& [id, connection] : connections_) {
        const int events = connection.out.empty() ? POLLIN : POLLIN | POLLOUT;
        waits.push_back({connection.socket.fd(), static_cast<short>(events), 0});
        ids.push_back(id);
      }
    }
    if (poll(waits.data(), waits.size(), -1) < 0 && errno != EINTR) return;
    if (woken_to_stop()) return;
    if ((waits[0].revents & POLLIN) != 0) accept_all();
    for (std::size_t i = 0; i < ids.size(); ++i) {
      if ((waits[i + 2].revents & (POLLIN | POLLHUP | POLLERR)) == 0) continue;
      receive(ids[i], connections_.at(ids[i]), handlers);
    }
  }
}

}  // namespace kv_server
