// SPDX-License-Identifier: Apache-2.0
#include "allocators/os/range_lock.h"

#include <fcntl.h>
#include <unistd.h>
#include <cerrno>
#include <cstdio>

#include "allocators/os/fault_point.h"

namespace terrace::os {
namespace {

// From linux/fcntl.h; the C library names them only with _GNU_SOURCE.
#ifndef F_OFD_GETLK
#define F_OFD_GETLK 36
#define F_OFD_SETLK 37
#endif

struct flock as_flock(ByteRange range, short type) {
  struct flock lock {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  lock.l_start = static_cast<off_t>(range.begin);
  lock.l_len = static_cast<off_t>(range.end - range.begin);
  return lock;  // l_pid stays 0, which the OFD calls ask for
}

int lock_call(int fd, int command, struct flock& lock) {
  if (const int error = injected_error(SystemCall::kFileLock); error != 0) return error;
  const int saved = errno;
  const int error = fcntl(fd, command, &lock) == 0 ? 0 : errno;
  errno = saved;
  return error == EACCES ? EAGAIN : error;  // fcntl(2) permits either for a held range
}

/// A length of 0 means up to the end of what can be addressed.
ByteRange held_range(const struct flock& lock) {
  const auto begin = static_cast<std::uint64_t>(lock.l_start);
  return {begin, lock.l_len == 0 ? INT64_MAX : begin + static_cast<std::uint64_t>(lock.l_len)};
}

}  // namespace

LockAttempt lock_range(int fd, ByteRange range) {
  for (;;) {
    struct flock lock = as_flock(range, F_WRLCK);
    int error = lock_call(fd, F_OFD_SETLK, lock);
    if (error != EAGAIN) return {error, {}};
    struct flock other = as_flock(range, F_WRLCK);
    error = lock_call(fd, F_OFD_GETLK, other);
    if (error != 0) return {error, {}};
    if (other.l_type != F_UNLCK) return {EAGAIN, held_range(other)};
    // Its holder let go between the two calls: others make progress, so this ends.
  }
}

int unlock_range(int fd, ByteRange range) {
  struct flock lock = as_flock(range, F_UNLCK);
  return lock_call(fd, F_OFD_SETLK, lock);
}

int check_range_locks(int fd) {
  struct flock lock = as_flock({0, INT64_MAX}, F_WRLCK);
  return lock_call(fd, F_OFD_GETLK, lock);
}

}  // namespace terrace::os
