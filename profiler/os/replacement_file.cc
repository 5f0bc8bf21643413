// SPDX-License-Identifier: Apache-2.0
#include "profiler/os/replacement_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

namespace terrace::os {

Error ReplacementFile::failed(int why) const {
  return make_error(ErrorCode::kIo, why, "%s: a second version cannot be written beside it: %s",
                    path_.c_str(), ::strerror(why));
}

Status ReplacementFile::make(const std::string& like) {
  std::string name = path_ + ".XXXXXX";
  fd_ = ::mkostemp(name.data(), O_CLOEXEC);  // mode 600
  if (fd_ < 0) return failed(errno);
  beside_ = name;
  struct stat owner {};
  if (::lstat(like.c_str(), &owner) != 0) return failed(errno);
  // A program that changed its user must still be able to read its own session.
  const bool ours = owner.st_uid == ::geteuid() && owner.st_gid == ::getegid();
  if (!ours && ::fchown(fd_, owner.st_uid, owner.st_gid) != 0) return failed(errno);
  return ok_status();
}

Result<ReplacementFile> ReplacementFile::beside(const std::string& path) {
  struct stat now {};
  if (::lstat(path.c_str(), &now) != 0) return ReplacementFile(path, {}).failed(errno);
  if (!S_ISREG(now.st_mode)) {
    return make_error(ErrorCode::kUsage, 0, "%s is no regular file: it is not replaced",
                      path.c_str());
  }
  ReplacementFile file(path, {now.st_dev, now.st_ino, static_cast<std::uint64_t>(now.st_size)});
  if (const Status made = file.make(path); !made) return made.error();
  return file;
}

Result<ReplacementFile> ReplacementFile::named(const std::string& path, const std::string& like) {
  struct stat now {};
  if (::lstat(path.c_str(), &now) == 0 && !S_ISREG(now.st_mode)) {
    return make_error(ErrorCode::kUsage, 0, "%s is no regular file: it is not replaced",
                      path.c_str());
  }
  ReplacementFile file(path, {});
  file.replaces_any_ = true;
  if (const Status made = file.make(like); !made) return made.error();
  return file;
}

ReplacementFile::ReplacementFile(ReplacementFile&& other) noexcept
    : path_(std::move(other.path_)),
      beside_(std::exchange(other.beside_, {})),
      identity_(other.identity_),
      replaces_any_(other.replaces_any_),
      written_(other.written_),
      fd_(std::exchange(other.fd_, -1)) {}

ReplacementFile::~ReplacementFile() {
  if (fd_ >= 0) ::close(fd_);
  if (!beside_.empty()) ::unlink(beside_.c_str());
}

Status ReplacementFile::write(const void* data, std::size_t size) {
  const char* at = static_cast<const char*>(data);
  for (std::size_t left = size; left > 0;) {
    const ssize_t got = ::write(fd_, at, left);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return failed(got < 0 ? errno : EIO);
    at += got;
    left -= static_cast<std::size_t>(got);
  }
  written_ += Bytes(size);
  return ok_status();
}

Status ReplacementFile::replace() {
  // The name must not reach the disk before the content does.
  if (::fdatasync(fd_) != 0) return failed(errno);
  if (!replaces_any_) {
    struct stat now {};
    if (::lstat(path_.c_str(), &now) != 0) return failed(errno);
    const Identity found{now.st_dev, now.st_ino, static_cast<std::uint64_t>(now.st_size)};
    if (found != identity_) {
      return make_error(ErrorCode::kIo, 0, "%s changed meanwhile: it is not replaced",
                        path_.c_str());
    }
  }
  if (::rename(beside_.c_str(), path_.c_str()) != 0) return failed(errno);
  beside_.clear();
  return ok_status();
}

bool is_written_to(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return false;
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  const bool held = ::fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
  ::close(fd);
  return held;
}

}  // namespace terrace::os
