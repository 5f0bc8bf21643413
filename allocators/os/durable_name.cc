// SPDX-License-Identifier: Apache-2.0
#include "allocators/os/durable_name.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "allocators/os/keep_errno.h"

namespace terrace::os {
namespace {

/// Linux 3.15, and most file systems; glibc has no name for it in all of its versions.
constexpr unsigned kNoReplace = 1;

/// Of the folder that `path` is in.
int open_folder_of(const char* path) {
  const char* const slash = strrchr(path, '/');
  if (slash == nullptr) return open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  char folder[4096];
  const auto length = static_cast<std::size_t>(slash - path);
  if (length >= sizeof folder) {
    errno = ENAMETOOLONG;
    return -1;
  }
  memcpy(folder, path, length);
  folder[length] = '\0';
  return open(length == 0 ? "/" : folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

int rename_to_free_name(const char* from, const char* to) {
  if (syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, kNoReplace) == 0) return 0;
  if (errno != EINVAL && errno != ENOSYS) return errno;
  // A file system without it (NFS): a second name is refused where there is one, too.
  if (link(from, to) != 0) return errno;
  return unlink(from) == 0 ? 0 : errno;
}

}  // namespace

int publish_file(const char* made, const char* name) {
  const KeepErrno keep;
  const int folder = open_folder_of(name);
  if (folder < 0) return errno;
  int error = rename_to_free_name(made, name);
  if (error == 0 && fsync(folder) != 0) error = errno;
  close(folder);
  return error;
}

int remove_abandoned(const char* path) {
  const KeepErrno keep;
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return errno == ENOENT ? 0 : errno;
  int error = flock(fd, LOCK_EX | LOCK_NB) == 0 ? 0 : errno;
  if (error == 0 && unlink(path) != 0) error = errno;
  close(fd);
  return error;
}

PathKind kind_of_path(const char* path) {
  const KeepErrno keep;
  struct stat facts {};
  if (stat(path, &facts) != 0) return errno == ENOENT ? PathKind::kNothing : PathKind::kOther;
  return S_ISREG(facts.st_mode) ? PathKind::kFile : PathKind::kOther;
}

}  // namespace terrace::os
