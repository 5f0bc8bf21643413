// SPDX-License-Identifier: Apache-2.0
#include "tiering/control/status_server.h"

#include <cstring>

#include "allocators/os/clock.h"
#include "allocators/os/thread.h"

namespace terrace::control {
namespace {

/// However many ask, no more than 200 requests a second are looked at: on an abstract name anybody
/// may knock.
constexpr Nanoseconds kPause = milliseconds(5);
/// When receiving fails, which lasts (memory, a filter on system calls).
constexpr Nanoseconds kLongPause = milliseconds(1000);

}  // namespace

Status StatusServer::start(Write write, void* context) {
  if (tried_) return ok_status();
  tried_ = true;
  write_ = write;
  context_ = context;
  const Status opened = socket_.open();
  if (!opened) return opened;
  const int error = terrace::os::start_thread(&body, this, "terrace-status");
  if (error == 0) return ok_status();
  socket_.close();
  return make_error(ErrorCode::kIo, error, "thread: %s", std::strerror(error));
}

void StatusServer::abandon_in_child() {
  socket_.close();
  tried_ = false;
}

void* StatusServer::body(void* self) {
  static_cast<StatusServer*>(self)->serve();
  return nullptr;
}

void StatusServer::serve() {
  for (;;) {
    os::Peer peer;
    const os::Asked asked = socket_.wait(peer);
    if (asked == os::Asked::kGone) return;
    if (asked == os::Asked::kStatus) {
      const std::size_t size = write_(context_, document_);
      // A client that is gone or does not read gets nothing, and nobody here minds.
      [[maybe_unused]] const int error = socket_.answer(peer, document_, size);
    }
    if (asked == os::Asked::kCommand && obey_ != nullptr) {
      const std::size_t size = obey_(context_, socket_.command(), document_);
      [[maybe_unused]] const int error = socket_.answer(peer, document_, size);
    }
    terrace::os::sleep_for(asked == os::Asked::kFailed ? kLongPause : kPause);
  }
}

}  // namespace terrace::control
