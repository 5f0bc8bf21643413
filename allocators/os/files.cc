// SPDX-License-Identifier: Apache-2.0
#include "allocators/os/files.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "allocators/os/fault_point.h"
#include "allocators/os/keep_errno.h"

namespace terrace::os {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

int open_checked(const char* path, int flags, mode_t mode = 0) {
  if (const int error = injected_error(SystemCall::kOpen); error != 0) {
    errno = error;
    return -1;
  }
  return open(path, flags | O_CLOEXEC, mode);
}

}  // namespace

long read_small_file(const char* path, char* buffer, std::size_t capacity) {
  const KeepErrno keep;
  const Descriptor file(open_checked(path, O_RDONLY));
  if (file.get() < 0 || injected_error(SystemCall::kRead) != 0) return -1;
  const ssize_t got = read(file.get(), buffer, capacity - 1);
  if (got < 0) return -1;
  buffer[got] = '\0';
  return got;
}

bool read_link(const char* path, char* buffer, std::size_t capacity) {
  const KeepErrno keep;
  const ssize_t length = readlink(path, buffer, capacity);
  if (length <= 0 || static_cast<std::size_t>(length) == capacity) return false;
  buffer[length] = '\0';
  return true;
}

bool for_each_name(const char* folder, void (*visit)(const char* name, void* context),
                   void* context) {
  const KeepErrno keep;
  // Offsets of the kernel's linux_dirent64 (getdents64(2)): the record's length, then the name.
  // opendir would allocate.
  constexpr std::size_t kLengthAt = 16;
  constexpr std::size_t kNameAt = 19;
  const Descriptor opened(open_checked(folder, O_RDONLY | O_DIRECTORY));
  if (opened.get() < 0) return false;
  alignas(8) char buffer[4096];
  long got = 0;
  while ((got = syscall(SYS_getdents64, opened.get(), buffer, sizeof buffer)) > 0) {
    for (long at = 0; at < got;) {
      unsigned short length = 0;
      std::memcpy(&length, buffer + at + kLengthAt, sizeof length);
      const char* const name = buffer + at + kNameAt;
      if (std::strcmp(name, ".") != 0 && std::strcmp(name, "..") != 0) visit(name, context);
      at += length;
    }
  }
  return got == 0;
}

Result<MappedFile> map_file(const char* path) {
  const KeepErrno keep;
  const Descriptor file(open_checked(path, O_RDONLY));
  struct stat status {};
  if (file.get() < 0 || fstat(file.get(), &status) != 0) {
    return make_error(ErrorCode::kIo, errno, "%s: %s", path, std::strerror(errno));
  }
  const auto size = static_cast<std::uint64_t>(status.st_size);
  if (size == 0) return make_error(ErrorCode::kUsage, 0, "%s: the file is empty", path);
  const long mapped = syscall(SYS_mmap, nullptr, size, PROT_READ, MAP_PRIVATE, file.get(), 0);
  if (mapped == -1) {
    return make_error(ErrorCode::kIo, errno, "%s: mmap: %s", path, std::strerror(errno));
  }
  return MappedFile{reinterpret_cast<const void*>(mapped), size};
}

OpenedFile open_for_reading(const char* path) {
  const KeepErrno keep;
  const int fd = open_checked(path, O_RDONLY);
  return fd >= 0 ? OpenedFile{fd, 0} : OpenedFile{-1, errno};
}

int read_fully(int fd, void* to, std::uint64_t size, std::uint64_t offset) {
  const KeepErrno keep;
  auto* out = static_cast<char*>(to);
  while (size > 0) {
    if (const int error = injected_error(SystemCall::kRead); error != 0) return error;
    const ssize_t got = pread(fd, out, size, static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno;
    if (got == 0) return ENODATA;
    out += got;
    offset += static_cast<std::uint64_t>(got);
    size -= static_cast<std::uint64_t>(got);
  }
  return 0;
}

int keep_descriptor(int fd) {
  const KeepErrno keep;
  rlimit limit{};
  if (injected_error(SystemCall::kFcntl) != 0 || getrlimit(RLIMIT_NOFILE, &limit) != 0) return -1;
  const rlim_t soft = limit.rlim_cur > 65536 ? 65536 : limit.rlim_cur;
  return fcntl(fd, F_DUPFD_CLOEXEC, static_cast<int>(soft / 2));
}

void close_descriptor(int fd) {
  const KeepErrno keep;
  // Nothing can be done about an error: Linux has closed it then.
  if (fd >= 0) ::close(fd);
}

std::int64_t regular_file_size(int fd) {
  const KeepErrno keep;
  struct stat status {};
  if (injected_error(SystemCall::kStat) != 0) return -1;
  if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) return -1;
  return status.st_size;
}

bool path_of(int fd, char* buffer, std::size_t capacity) {
  const KeepErrno keep;
  char link[40];
  std::snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t length = readlink(link, buffer, capacity - 1);
  if (length <= 0) return false;
  buffer[length] = '\0';
  return true;
}

int write_file(const char* path, const char* data, std::size_t size) {
  const KeepErrno keep;
  const Descriptor file(open_checked(path, O_WRONLY | O_CREAT | O_TRUNC, 0600));
  if (file.get() < 0) return errno;
  while (size > 0) {
    if (const int error = injected_error(SystemCall::kWrite); error != 0) return error;
    const ssize_t put = write(file.get(), data, size);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return errno;
    data += put;
    size -= static_cast<std::size_t>(put);
  }
  return 0;
}

bool file_exists(const char* path) {
  const KeepErrno keep;
  return access(path, F_OK) == 0;
}

bool executable_path(char* buffer, std::size_t capacity) {
  const KeepErrno keep;
  const ssize_t length = readlink("/proc/self/exe", buffer, capacity - 1);
  if (length <= 0) return false;
  buffer[length] = '\0';
  return true;
}

int process_id() {
  return static_cast<int>(getpid());
}

int parent_process_id() {
  return static_cast<int>(getppid());
}

void host_name(char* buffer, std::size_t capacity) {
  const KeepErrno keep;
  utsname names{};
  buffer[0] = '\0';
  if (uname(&names) == 0 && std::strlen(names.nodename) < capacity) {
    std::strcpy(buffer, names.nodename);
  }
}

int move_to_high_number(int fd) {
  const KeepErrno keep;
  rlimit limit{};
  if (injected_error(SystemCall::kFcntl) != 0 || getrlimit(RLIMIT_NOFILE, &limit) != 0) return fd;
  const rlim_t soft = limit.rlim_cur > 65536 ? 65536 : limit.rlim_cur;
  const int moved = fcntl(fd, F_DUPFD_CLOEXEC, static_cast<int>(soft / 2));
  if (moved < 0) return fd;
  ::close(fd);
  return moved;
}

bool beyond_file_limit(Bytes size) {
  const KeepErrno keep;
  rlimit limit{};
  return getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
         size.value > limit.rlim_cur;
}

void close_file(int fd) {
  const KeepErrno keep;
  ::close(fd);
}

}  // namespace terrace::os
