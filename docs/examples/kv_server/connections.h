// SPDX-License-Identifier: Apache-2.0
// The server's side of the sockets: one thread polls them all, hands whole lines on and writes what
// the engine sends. A client that sends too long a line, or does not read its answers, is cut off.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "wire.h"

namespace kv_server {

class Connections {
 public:
  struct Handlers {
    std::function<void(std::uint64_t connection, const std::string& line)> line;
    std::function<void(std::uint64_t connection)> closed;
  };

  Connections(const std::string& address, std::size_t most);
  ~Connections();
  /// Until stop() is called.
  void serve(const Handlers& handlers);
  /// By any thread; a connection that is gone gets nothing.
  void send(std::uint64_t connection, const std::string& line);
  /// Also by a signal handler.
  void stop();

 private:
  struct Connection {
    Descriptor socket;
    Lines in;
    std::string out;  ///< under mutex_
    bool broken = false;
  };

  void accept_all();
  void receive(std::uint64_t id, Connection& connection, const Handlers& handlers);
  static void flush(Connection& connection);
  std::vector<std::uint64_t> flush_all();
  bool woken_to_stop();

  const std::string address_;
  const std::size_t most_;
  Descriptor listener_;
  std::pair<Descriptor, Descriptor> wake_;  ///< 'w': there is something to write; 's': stop
  std::mutex mutex_;
  std::map<std::uint64_t, Connection> connections_;  ///< changed by serve() alone, under mutex_
  std::uint64_t next_id_ = 1;
};

}  // namespace kv_server
