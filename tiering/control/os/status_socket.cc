// SPDX-License-Identifier: Apache-2.0
#include "tiering/control/os/status_socket.h"

#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "allocators/os/clock.h"
#include "allocators/os/fault_point.h"
#include "allocators/os/files.h"
#include "allocators/os/keep_errno.h"

namespace terrace::control::os {
namespace {

using terrace::os::injected_error;
using terrace::os::KeepErrno;
using terrace::os::SystemCall;

static_assert(sizeof(Peer::address) >= sizeof(sockaddr_un));

/// -1 with errno set when a test wants the call to fail.
bool refused(SystemCall call) {
  const int error = injected_error(call);
  if (error != 0) errno = error;
  return error != 0;
}

std::uint64_t token() {
  std::uint64_t value = 0;
  if (getrandom(&value, sizeof value, GRND_NONBLOCK) == sizeof value) return value;
  // Early in a machine's life: unlikely to be met is enough, the kernel attests the rest.
  return terrace::os::monotonic_now().value * 0x9E3779B97F4A7C15u;
}

bool may_ask(const ucred& who) {
  return who.uid == 0 || who.uid == geteuid() || who.uid == getuid();
}

/// A command makes the program write a file: nobody may get more by it than he has, also where a
/// program has two users' rights.
bool may_command(const ucred& who) {
  return who.uid == 0 || (who.uid == geteuid() && who.uid == getuid());
}

/// The sender as the kernel attests it; false: it did not.
bool sender_of(msghdr& header, ucred& who) {
  const cmsghdr* const first = CMSG_FIRSTHDR(&header);
  if (first == nullptr || first->cmsg_level != SOL_SOCKET || first->cmsg_type != SCM_CREDENTIALS ||
      first->cmsg_len != CMSG_LEN(sizeof who)) {
    return false;
  }
  std::memcpy(&who, CMSG_DATA(first), sizeof who);
  return true;
}

}  // namespace

Status StatusSocket::set_up() {
  // A reply is one datagram, which has to fit; the kernel doubles the figure for its overhead.
  constexpr int kSendBytes = 128 << 10;
  const int on = 1;
  if (refused(SystemCall::kSocketOption) ||
      setsockopt(fd_, SOL_SOCKET, SO_PASSCRED, &on, sizeof on) != 0 ||
      setsockopt(fd_, SOL_SOCKET, SO_SNDBUF, &kSendBytes, sizeof kSendBytes) != 0) {
    return make_error(ErrorCode::kIo, errno, "setsockopt: %s", std::strerror(errno));
  }
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  const int length =
      std::snprintf(name.sun_path + 1, sizeof name.sun_path - 1, "%s%d/%016llx", kNamePrefix,
                    terrace::os::process_id(), static_cast<unsigned long long>(token()));
  const auto size =
      static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + static_cast<unsigned>(length));
  if (refused(SystemCall::kBind) ||
      bind(fd_, reinterpret_cast<const sockaddr*>(&name), size) != 0) {
    return make_error(ErrorCode::kIo, errno, "bind: %s", std::strerror(errno));
  }
  struct stat facts {};
  if (refused(SystemCall::kStat) || fstat(fd_, &facts) != 0) {
    return make_error(ErrorCode::kIo, errno, "fstat: %s", std::strerror(errno));
  }
  device_ = facts.st_dev;
  inode_ = facts.st_ino;
  return ok_status();
}

Status StatusSocket::open() {
  const KeepErrno keep;
  fd_ = refused(SystemCall::kSocket) ? -1 : socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd_ < 0) return make_error(ErrorCode::kIo, errno, "socket: %s", std::strerror(errno));
  fd_ = terrace::os::move_to_high_number(fd_);
  const Status made = set_up();
  if (!made) {
    ::close(fd_);
    fd_ = -1;
  }
  return made;
}

/// Programs close descriptors that they do not know, and get the number again for something of
/// their own.
bool StatusSocket::is_ours() const {
  struct stat facts {};
  return fd_ >= 0 && fstat(fd_, &facts) == 0 && facts.st_dev == device_ && facts.st_ino == inode_;
}

bool StatusSocket::take_command(const char* text, std::size_t size) {
  constexpr std::size_t kPrefix = sizeof kCommandPrefix - 1;
  const bool whole = size > kPrefix + 1 && size <= kMaxCommand && text[size - 1] == '\n' &&
                     std::memcmp(text, kCommandPrefix, kPrefix) == 0 &&
                     std::memchr(text, '\0', size) == nullptr;
  if (!whole) return false;
  const std::size_t length = size - kPrefix - 1;
  std::memcpy(command_, text + kPrefix, length);
  command_[length] = '\0';
  return true;
}

Asked StatusSocket::wait(Peer& peer) {
  const KeepErrno keep;
  if (!is_ours()) return Asked::kGone;
  char text[kMaxCommand + 1];
  iovec data{text, sizeof text};
  // Room for the sender's identity and not a byte more: descriptors that somebody sends along find
  // none, and the kernel drops them.
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(ucred))];
  msghdr header{};
  header.msg_name = peer.address;
  header.msg_namelen = sizeof peer.address;
  header.msg_iov = &data;
  header.msg_iovlen = 1;
  header.msg_control = control;
  header.msg_controllen = sizeof control;
  const ssize_t got = refused(SystemCall::kReceive) ? -1 : recvmsg(fd_, &header, MSG_CMSG_CLOEXEC);
  if (got < 0) return errno == EINTR ? Asked::kNothing : Asked::kFailed;
  peer.length = header.msg_namelen;
  ucred who{};
  if (!sender_of(header, who) || !may_ask(who)) return Asked::kNothing;
  constexpr std::size_t kLength = sizeof kStatusRequest - 1;
  const bool asks = got == static_cast<ssize_t>(kLength) &&
                    std::memcmp(text, kStatusRequest, kLength) == 0 && peer.length != 0;
  if (asks) return Asked::kStatus;
  const bool commands =
      peer.length != 0 && may_command(who) && take_command(text, static_cast<std::size_t>(got));
  return commands ? Asked::kCommand : Asked::kNothing;
}

int StatusSocket::answer(const Peer& peer, const char* data, std::size_t size) {
  const KeepErrno keep;
  if (!is_ours()) return EBADF;
  if (refused(SystemCall::kSend)) return errno;
  const ssize_t put = sendto(fd_, data, size, MSG_DONTWAIT | MSG_NOSIGNAL,
                             reinterpret_cast<const sockaddr*>(peer.address), peer.length);
  return put < 0 ? errno : 0;
}

void StatusSocket::close() {
  const KeepErrno keep;
  if (is_ours()) ::close(fd_);
  fd_ = -1;
}

}  // namespace terrace::control::os
