// SPDX-License-Identifier: Apache-2.0
#include "profiler/os/append_file.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

namespace terrace::os {
namespace {

// Keeps a signal that a write may raise (SIGXFSZ at RLIMIT_FSIZE, SIGPIPE on a closed pipe) from
// the host. The kernel sends both to the writing thread, so blocking it here is enough.
class SignalShield {
 public:
  explicit SignalShield(int signal) {
    sigemptyset(&mask_);
    sigaddset(&mask_, signal);
    sigset_t pending;
    was_pending_ = sigpending(&pending) == 0 && sigismember(&pending, signal) == 1;
    pthread_sigmask(SIG_BLOCK, &mask_, &before_);
  }
  ~SignalShield() {
    const int saved = errno;
    // One that was pending before belongs to the host.
    const timespec no_wait{};
    if (!was_pending_) (void)sigtimedwait(&mask_, nullptr, &no_wait);
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    errno = saved;
  }
  SignalShield(const SignalShield&) = delete;
  SignalShield& operator=(const SignalShield&) = delete;

 private:
  sigset_t mask_;
  sigset_t before_;
  bool was_pending_ = false;
};

int system_create(const char* path) {
  return ::open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
}

std::ptrdiff_t system_write_pieces(int fd, const Piece* pieces, int count) {
  iovec vectors[kMaxPieces];
  for (int i = 0; i < count; ++i) {
    vectors[i].iov_base = const_cast<void*>(pieces[i].data);
    vectors[i].iov_len = pieces[i].size;
  }
  const SignalShield shield(SIGXFSZ);
  return ::writev(fd, vectors, count);
}

int system_truncate(int fd, std::uint64_t length) {
  return ::ftruncate(fd, static_cast<off_t>(length));
}

constinit FileCalls calls{system_create, system_write_pieces, system_truncate};

FileIdentity identity_of(const struct stat& status) {
  return {status.st_dev, status.st_ino};
}

// The host owns low descriptors: shells and daemons close or dup2 over them by number.
int move_up(int fd) {
  constexpr int kLowest = 512;
  const int high = ::fcntl(fd, F_DUPFD_CLOEXEC, kLowest);
  if (high < 0) return fd;
  ::close(fd);
  return high;
}

/// Tells other processes that somebody writes here. The kernel lifts it when this process ends or
/// becomes another program, however that happens; a fork's child does not have it. Where the file
/// system knows no locks there is none.
void mark_as_written(int fd) {
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  (void)::fcntl(fd, F_SETLK, &lock);
}

}  // namespace

Result<AppendFile> create_append_file(const char* path) {
  struct stat status;
  if (::lstat(path, &status) == 0) {
    if (!S_ISREG(status.st_mode)) {
      return make_error(ErrorCode::kUsage, 0,
                        "%s exists and is no regular file; name another session file", path);
    }
    // Not O_TRUNC: a file made by somebody else would keep its owner and its mode.
    if (::unlink(path) != 0) {
      const int saved = errno;
      return make_error(ErrorCode::kIo, saved,
                        "cannot replace %s (errno %d); remove it or name another session file",
                        path, saved);
    }
  }
  int fd = calls.create(path);
  if (fd < 0) {
    const int saved = errno;
    return make_error(ErrorCode::kIo, saved,
                      "cannot create %s (errno %d); check that its folder exists and is writable",
                      path, saved);
  }
  fd = move_up(fd);
  if (::fstat(fd, &status) != 0) {
    const int saved = errno;
    ::close(fd);
    return make_error(ErrorCode::kIo, saved, "cannot stat %s (errno %d)", path, saved);
  }
  mark_as_written(fd);
  return AppendFile{fd, identity_of(status)};
}

int append_pieces(const AppendFile& file, const Piece* pieces, int count) {
  struct stat before;
  if (::fstat(file.fd, &before) != 0 || identity_of(before) != file.identity) return EBADF;
  std::size_t total = 0;
  for (int i = 0; i < count; ++i) total += pieces[i].size;
  std::ptrdiff_t written = -1;
  do {
    written = calls.write_pieces(file.fd, pieces, count);
  } while (written < 0 && errno == EINTR);
  if (written == static_cast<std::ptrdiff_t>(total)) return 0;
  // A short write is how a file system says that it is full; going on would only ask it again.
  const int why = written < 0 ? errno : ENOSPC;
  // Should this fail too, the reader stops at the torn chunk.
  if (written > 0) (void)calls.truncate(file.fd, static_cast<std::uint64_t>(before.st_size));
  return why;
}

void close_append_file(AppendFile& file) {
  struct stat status;
  if (::fstat(file.fd, &status) == 0 && identity_of(status) == file.identity) ::close(file.fd);
  file = AppendFile{};
}

void remove_file(const char* path) {
  const int saved = errno;
  // What stays is found by whoever makes one session of the files.
  (void)::unlink(path);
  errno = saved;
}

void say(const char* text) {
  const SignalShield shield(SIGPIPE);
  const iovec line[2] = {{const_cast<char*>(text), ::strlen(text)}, {const_cast<char*>("\n"), 1}};
  if (::writev(STDERR_FILENO, line, 2) < 0) return;
}

FileCalls system_file_calls() {
  return {system_create, system_write_pieces, system_truncate};
}

void set_file_calls(const FileCalls& replacement) {
  calls = replacement;
}

}  // namespace terrace::os
