// SPDX-License-Identifier: Apache-2.0
// Owns a file descriptor. Used by the system calls of the command line.
// Not thread-safe, never allocates.
#pragma once

#include <unistd.h>

#include <utility>

namespace terrace::cli::os {

class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int fd) : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~FileDescriptor() { reset(); }

  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  void reset() {
    // Linux has let go of the descriptor even when close reports an error; nothing is left to do.
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }

 private:
  int fd_ = -1;
};

}  // namespace terrace::cli::os
