// SPDX-License-Identifier: Apache-2.0
#include "allocators/os/dax_device.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "allocators/os/fault_point.h"
#include "allocators/os/files.h"

namespace terrace::os {
namespace {

constexpr Bytes kPage = KiB(4);
/// What devices without an `align` attribute use (before Linux 5.10): the page of a PMD.
constexpr Bytes kUsualUnit = kBlockBytes;

class Errno {
 public:
  ~Errno() { errno = saved_; }

 private:
  int saved_ = errno;
};

/// A descriptor that is closed again unless it is taken.
class Opened {
 public:
  explicit Opened(int fd) : fd_(fd < 0 ? fd : move_to_high_number(fd)) {}
  ~Opened() {
    if (fd_ >= 0) close_file(fd_);
  }
  Opened(const Opened&) = delete;
  Opened& operator=(const Opened&) = delete;
  int get() const { return fd_; }
  int take() {
    const int fd = fd_;
    fd_ = -1;
    return fd;
  }

 private:
  int fd_;
};

/// -1 and errno on failure, as open(2).
int open_checked(const char* path, int flags) {
  if (const int error = injected_error(SystemCall::kOpen); error != 0) {
    errno = error;
    return -1;
  }
  return open(path, flags | O_RDWR | O_CLOEXEC, 0600);
}

Error cannot_open(const char* path, int error) {
  if (error == ENOENT || error == ENOTDIR) {
    return make_error(ErrorCode::kUsage, error,
                      "%s: there is no such device, file or folder; a file is made by "
                      "'truncate -s SIZE %s'",
                      path, path);
  }
  if (error == EACCES || error == EPERM || error == EROFS) {
    return make_error(ErrorCode::kCapabilityMissing, error,
                      "%s: may not be opened for reading and writing (%s); give this user access "
                      "to it, or name a folder of its own",
                      path, std::strerror(error));
  }
  return make_error(ErrorCode::kIo, error, "%s: %s", path, std::strerror(error));
}

/// One attribute of a character device as sysfs has it; 0 when there is none.
std::uint64_t device_number(const char* sysfs, dev_t device, const char* name) {
  char path[PATH_MAX];
  char text[32];
  std::snprintf(path, sizeof path, "%s/dev/char/%u:%u/%s", sysfs, major(device), minor(device),
                name);
  return read_small_file(path, text, sizeof text) > 0 ? std::strtoull(text, nullptr, 10) : 0;
}

/// Where a symbolic link of a character device in sysfs leads.
struct LinkTarget {
  char text[PATH_MAX] = {};  ///< empty when there is none
};

LinkTarget device_link(const char* sysfs, dev_t device, const char* tail) {
  LinkTarget target;
  if (injected_error(SystemCall::kReadlink) != 0) return target;
  char path[PATH_MAX];
  std::snprintf(path, sizeof path, "%s/dev/char/%u:%u%s", sysfs, major(device), minor(device),
                tail);
  const ssize_t length = readlink(path, target.text, sizeof target.text - 1);
  target.text[length > 0 ? length : 0] = '\0';
  return target;
}

/// Other devices have a `size` too (flash memory): the subsystem tells.
bool is_dax(const char* sysfs, dev_t device) {
  const LinkTarget subsystem = device_link(sysfs, device, "/subsystem");
  const char* const slash = std::strrchr(subsystem.text, '/');
  return slash != nullptr && std::strcmp(slash, "/dax") == 0;
}

bool is_below_nvdimm_bus(const char* sysfs, dev_t device) {
  return std::strstr(device_link(sysfs, device, "").text, "/ndbus") != nullptr;
}

Result<DaxDevice> open_device(const char* path, dev_t device, const char* sysfs) {
  const Bytes size(is_dax(sysfs, device) ? device_number(sysfs, device, "size") : 0);
  if (size.value == 0) {
    return make_error(
        ErrorCode::kUsage, 0,
        "%s: %s/dev/char/%u:%u tells of no DAX device; 'daxctl list' shows those that "
        "there are",
        path, sysfs, major(device), minor(device));
  }
  const Bytes unit(device_number(sysfs, device, "align"));
  Opened file(open_checked(path, 0));
  if (file.get() < 0) return cannot_open(path, errno);
  return DaxDevice{file.take(), DaxKind::kDevice, size, unit.value != 0 ? unit : kUsualUnit,
                   is_below_nvdimm_bus(sysfs, device)};
}

Result<DaxDevice> open_file(const char* path, Bytes size) {
  Opened file(open_checked(path, 0));
  if (file.get() < 0) return cannot_open(path, errno);
  return DaxDevice{file.take(), DaxKind::kFile, size, kPage, false};
}

/// For filesystems without O_TMPFILE: a name that is gone again at once. A crash in between leaves
/// an empty file.
int make_and_unlink(const char* folder) {
  char path[PATH_MAX];
  std::snprintf(path, sizeof path, "%s/.terrace-%d", folder, process_id());
  const int fd = open_checked(path, O_CREAT | O_EXCL);
  if (fd < 0) return -1;
  int error = injected_error(SystemCall::kUnlink);
  if (error == 0 && unlink(path) != 0) error = errno;
  if (error == 0) return fd;
  close_file(fd);
  errno = error;
  return -1;
}

Result<DaxDevice> make_unnamed(const char* folder, Bytes size) {
  if (beyond_file_limit(size)) {
    return make_error(ErrorCode::kCapabilityMissing, EFBIG,
                      "%s: a file of %llu bytes is beyond this process's limit; raise it by "
                      "'ulimit -f unlimited'",
                      folder, static_cast<unsigned long long>(size.value));
  }
  int fd = open_checked(folder, O_TMPFILE);
  // open(2): EISDIR from kernels, EOPNOTSUPP from filesystems that do not know the flag.
  if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR)) fd = make_and_unlink(folder);
  Opened file(fd);
  if (file.get() < 0) return cannot_open(folder, errno);
  int error = injected_error(SystemCall::kFtruncate);
  if (error == 0 && ftruncate(file.get(), static_cast<off_t>(size.value)) != 0) error = errno;
  if (error != 0) {
    return make_error(ErrorCode::kCapabilityMissing, error,
                      "%s: no file of %llu bytes can be made there (%s); state a smaller capacity "
                      "or another folder",
                      folder, static_cast<unsigned long long>(size.value), std::strerror(error));
  }
  return DaxDevice{file.take(), DaxKind::kUnnamedFile, size, kPage, false};
}

int allocate_by_writing(int fd, std::uint64_t offset, Bytes size) {
  static constinit char zeros[1 << 16] = {};
  if (beyond_file_limit(Bytes(offset + size.value))) return EFBIG;
  for (std::uint64_t done = 0; done < size.value;) {
    if (const int error = injected_error(SystemCall::kWrite); error != 0) return error;
    const std::uint64_t left = size.value - done;
    const ssize_t put = pwrite(fd, zeros, left < sizeof zeros ? left : sizeof zeros,
                               static_cast<off_t>(offset + done));
    if (put < 0 && errno != EINTR) return errno;
    if (put > 0) done += static_cast<std::uint64_t>(put);
  }
  return 0;
}

int fallocate_checked(int fd, int mode, std::uint64_t offset, Bytes size) {
  int error = 0;
  do {
    error = injected_error(SystemCall::kFallocate);
    if (error == 0 &&
        fallocate(fd, mode, static_cast<off_t>(offset), static_cast<off_t>(size.value)) != 0) {
      error = errno;
    }
  } while (error == EINTR);
  return error;
}

}  // namespace

Result<DaxDevice> open_dax(const char* path, Bytes unnamed_size, const char* sysfs) {
  const Errno keep;
  struct stat status {};
  int error = injected_error(SystemCall::kStat);
  if (error == 0 && stat(path, &status) != 0) error = errno;
  if (error != 0) return cannot_open(path, error);
  // Told apart before it is opened: opening some devices has effects.
  if (S_ISCHR(status.st_mode)) return open_device(path, status.st_rdev, sysfs);
  if (S_ISREG(status.st_mode)) {
    return open_file(path, Bytes(static_cast<std::uint64_t>(status.st_size)));
  }
  if (S_ISDIR(status.st_mode)) return make_unnamed(path, unnamed_size);
  return make_error(ErrorCode::kUsage, 0,
                    "%s: is neither a DAX device, a file nor a folder; put a filesystem mounted "
                    "with -o dax on a block device and name a file there",
                    path);
}

Bytes storage_left(int fd) {
  const Errno keep;
  struct statvfs status {};
  if (injected_error(SystemCall::kStat) != 0 || fstatvfs(fd, &status) != 0) return {};
  return Bytes(static_cast<std::uint64_t>(status.f_bavail) * status.f_frsize);
}

int allocate_storage(int fd, std::uint64_t offset, Bytes size) {
  const Errno keep;
  const int error = fallocate_checked(fd, 0, offset, size);
  return error == EOPNOTSUPP ? allocate_by_writing(fd, offset, size) : error;
}

int release_storage(int fd, std::uint64_t offset, Bytes size) {
  const Errno keep;
  return fallocate_checked(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, size);
}

}  // namespace terrace::os
