// SPDX-License-Identifier: Apache-2.0
// Answers `terrace status` inside the program: one socket, one thread that sleeps in it. Between
// the runtime, which starts it with the first object and knows what to say, and status_socket.h.
// The thread is of its own because the other background thread keeps the times of late placement
// and of heat windows, which an answer must not shift; and it sleeps until asked. Thread-safe as
// far as stated; allocates nothing (libc maps the thread's stack).
#pragma once

#include <cstddef>
#include <cstdint>

#include <terrace/result.h>

#include "tiering/control/os/status_socket.h"

namespace terrace::control {

/// A status document is never larger.
inline constexpr std::size_t kMaxDocument = 64 << 10;

class StatusServer {
 public:
  /// Writes the document into `out`, which holds kMaxDocument bytes; its length. Called on the
  /// server's thread.
  using Write = std::size_t (*)(void* context, char* out);

  /// Does what `command` says and writes the answer, a JSON document, as Write does.
  using Obey = std::size_t (*)(void* context, const char* command, char* out);

  constexpr StatusServer() = default;
  /// Before start(); without it commands are not answered.
  void obey_by(Obey function) { obey_ = function; }

  /// Tried once: later calls do nothing. Callers are serialised by the runtime's lock.
  Status start(Write write, void* context);
  /// In a fork's child, which has no such thread: closes the copy of the parent's socket. The child
  /// may start its own.
  void abandon_in_child();

 private:
  static void* body(void* self);
  void serve();

  bool tried_ = false;
  os::StatusSocket socket_;
  Write write_ = nullptr;
  Obey obey_ = nullptr;
  void* context_ = nullptr;
  char document_[kMaxDocument] = {};
};

}  // namespace terrace::control
