// SPDX-License-Identifier: Apache-2.0
// The socket through which a running program is asked for its status: a datagram socket in the
// abstract namespace, "terrace/PID/TOKEN". One descriptor, no file, nothing to clean up.
// - Datagrams: there is no connection that a client could keep open, and nothing is accepted, so no
//   descriptor number of the program is ever taken while it runs.
// - The kernel attests who asks (SO_PASSCRED) and, to the client, who answers.
// - The token keeps others from taking the name first, and two PID namespaces from meeting in one.
// Used by status_server.cc, on its thread. Allocates nothing; keeps errno.
#pragma once

#include <cstddef>
#include <cstdint>

#include <terrace/result.h>

namespace terrace::control::os {

inline constexpr char kNamePrefix[] = "terrace/";
/// The whole request; anything else but a command is not answered.
inline constexpr char kStatusRequest[] = "terrace status 1\n";
/// A command begins so and ends with a newline; what stands between is status_server.h's.
inline constexpr char kCommandPrefix[] = "terrace command 1 ";
inline constexpr std::size_t kMaxCommand = 512;

enum class Asked : std::uint8_t {
  kStatus,   ///< a request of one who may ask: answer it
  kCommand,  ///< a command of one who may give it, see command()
  kNothing,  ///< garbage, somebody else's request, or a wait that was interrupted
  kFailed,   ///< the kernel refused to receive; try again later
  kGone,     ///< the program closed the descriptor: leave its number alone
};

/// Who asked: where the answer goes.
struct Peer {
  alignas(8) char address[112] = {};
  std::uint32_t length = 0;
};

class StatusSocket {
 public:
  constexpr StatusSocket() = default;

  /// Opens and names it. The error says which call was refused.
  Status open();
  bool is_open() const { return fd_ >= 0; }
  /// The last kCommand, without prefix and newline.
  const char* command() const { return command_; }
  /// Waits for one datagram.
  Asked wait(Peer& peer);
  /// Sends at once or not at all: who does not read is not waited for. An errno value.
  int answer(const Peer& peer, const char* data, std::size_t size);
  /// Closes the descriptor if it still is this socket.
  void close();

 private:
  bool is_ours() const;
  Status set_up();
  bool take_command(const char* text, std::size_t size);

  int fd_ = -1;
  std::uint64_t device_ = 0;
  std::uint64_t inode_ = 0;
  char command_[kMaxCommand] = {};
};

}  // namespace terrace::control::os
