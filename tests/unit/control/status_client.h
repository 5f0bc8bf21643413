// SPDX-License-Identifier: Apache-2.0
// A server with a document of the test's making, and a client's socket that can misbehave.
#pragma once

#include <string>
#include <vector>

#include "tiering/control/os/status_query.h"
#include "tiering/control/status_server.h"

namespace terrace::control {

/// The server of this process: it lives as long as the process, as the runtime's does. It answers
/// any command by {"obeyed":COMMAND}.
StatusServer& started_server();
/// In a fork's child: without what was inherited, a server of its own. The child ends with its
/// parent.
StatusServer& server_of_child();
/// How many documents it has written.
int documents_written();

/// Asks this process as `terrace status` does; empty when nothing came.
std::string ask_self(Nanoseconds patience = milliseconds(2000));
/// Names that this process has taken in the abstract namespace.
std::vector<std::string> own_names();

/// An unconnected datagram socket, with a name when it wants answers.
class RawClient {
 public:
  RawClient();
  ~RawClient();
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;
  /// As sendto(2), without waiting.
  bool send(const std::string& name, const void* data, std::size_t size);
  /// Of all that follows this name's socket is the receiver, whoever takes the name later.
  bool connect(const std::string& name);
  /// Sends to the socket it is connected to until that is gone, and waits where its queue is full.
  /// The error that ended it: ECONNREFUSED, or EAGAIN after ten seconds without room.
  int send_until_gone(const void* data, std::size_t size);
  int get() const { return fd_; }

 private:
  int fd_;
};

}  // namespace terrace::control
