// SPDX-License-Identifier: Apache-2.0
#include "allocators/os/mapping_facts.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "allocators/os/fault_point.h"
#include "allocators/os/files.h"
#include "allocators/os/keep_errno.h"

namespace terrace::os {
namespace {

struct ProcPath {
  char text[40];
  ProcPath(int pid, const char* file) {
    if (pid == 0) {
      std::snprintf(text, sizeof text, "/proc/self/%s", file);
    } else {
      std::snprintf(text, sizeof text, "/proc/%d/%s", pid, file);
    }
  }
};

/// A mapping's first line: "begin-end perms offset major:minor inode   path".
std::optional<MappingFacts> parse_head(const char* line) {
  MappingFacts facts;
  char permissions[5] = {};
  unsigned major_number = 0;
  unsigned minor_number = 0;
  int path_at = 0;
  const int fields =
      std::sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s %" SCNx64 " %x:%x %" SCNu64 " %n",
                  &facts.begin, &facts.end, permissions, &facts.offset, &major_number,
                  &minor_number, &facts.file.inode, &path_at);
  if (fields != 7) return std::nullopt;
  facts.readable = permissions[0] == 'r';
  facts.writable = permissions[1] == 'w';
  facts.shared = permissions[3] == 's';
  facts.file.file_system = makedev(major_number, minor_number);
  std::snprintf(facts.path, sizeof facts.path, "%s", line + path_at);
  return facts;
}

/// Is this two-letter word among the flags?
bool has_flag(const char* flags, const char* word) {
  for (const char* at = std::strstr(flags, word); at != nullptr; at = std::strstr(at + 1, word)) {
    const bool ends = at[2] == ' ' || at[2] == '\0';
    if (at[-1] == ' ' && ends) return true;
  }
  return false;
}

/// smaps' further lines of a mapping.
void add_detail(MappingFacts* facts, const char* line) {
  constexpr const char kPageSize[] = "KernelPageSize:";
  constexpr const char kFlags[] = "VmFlags:";
  if (std::strncmp(line, kPageSize, sizeof kPageSize - 1) == 0) {
    facts->kernel_page = KiB(std::strtoull(line + sizeof kPageSize - 1, nullptr, 10));
  } else if (std::strncmp(line, kFlags, sizeof kFlags - 1) == 0) {
    facts->locked = has_flag(line, "lo");
    facts->device = has_flag(line, "io") || has_flag(line, "pf");
    facts->hugetlb = has_flag(line, "ht");
  }
}

Bytes status_field(const char* text, const char* name) {
  const char* at = std::strstr(text, name);
  return at == nullptr ? Bytes(0) : KiB(std::strtoull(at + std::strlen(name), nullptr, 10));
}

}  // namespace

Result<MappingReader> MappingReader::open(int pid, MappingDetail detail) {
  const KeepErrno keep;
  const ProcPath path(pid, detail == MappingDetail::kFlags ? "smaps" : "maps");
  int error = injected_error(SystemCall::kOpen);
  const int fd = error != 0 ? -1 : ::open(path.text, O_RDONLY | O_CLOEXEC);
  if (fd >= 0) return MappingReader(fd);
  if (error == 0) error = errno;
  return make_error(ErrorCode::kIo, error, "%s: %s", path.text, std::strerror(error));
}

MappingReader::MappingReader(MappingReader&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      error_(other.error_),
      at_end_(other.at_end_),
      begin_(other.begin_),
      end_(other.end_),
      ahead_(other.ahead_) {
  std::memcpy(buffer_, other.buffer_, end_);
}

MappingReader::~MappingReader() {
  if (fd_ >= 0) ::close(fd_);
}

bool MappingReader::refill() {
  if (at_end_) return false;
  std::memmove(buffer_, buffer_ + begin_, end_ - begin_);
  end_ -= begin_;
  begin_ = 0;
  error_ = injected_error(SystemCall::kRead);
  const ssize_t got = error_ != 0 ? -1 : ::read(fd_, buffer_ + end_, kBuffer - 1 - end_);
  if (got < 0 && error_ == 0) error_ = errno;
  at_end_ = got <= 0;
  if (got > 0) end_ += static_cast<std::size_t>(got);
  return got > 0;
}

const char* MappingReader::next_line() {
  for (;;) {
    void* newline = std::memchr(buffer_ + begin_, '\n', end_ - begin_);
    if (newline != nullptr) {
      *static_cast<char*>(newline) = '\0';
      const char* line = buffer_ + begin_;
      begin_ = static_cast<std::size_t>(static_cast<char*>(newline) - buffer_) + 1;
      return line;
    }
    if (!refill()) return nullptr;
  }
}

std::optional<MappingFacts> MappingReader::next() {
  const KeepErrno keep;
  std::optional<MappingFacts> facts = std::exchange(ahead_, std::nullopt);
  while (const char* line = next_line()) {
    std::optional<MappingFacts> head = parse_head(line);
    if (!head && facts) add_detail(&*facts, line);
    if (!head) continue;
    if (facts) {
      ahead_ = head;
      return facts;
    }
    facts = head;
  }
  if (error_ != 0) return std::nullopt;
  return facts;
}

FileIdentity identity_of(int fd) {
  const KeepErrno keep;
  struct stat status {};
  if (fstat(fd, &status) != 0) return {};
  return {status.st_dev, status.st_ino};
}

bool is_dax_file(const char* path) {
  const KeepErrno keep;
  struct statx status {};
  if (statx(AT_FDCWD, path, 0, 0, &status) != 0) return false;
  return (status.stx_attributes & STATX_ATTR_DAX) != 0;
}

Result<ProcessMemory> process_memory(int pid) {
  const ProcPath path(pid, "status");
  char text[8192];
  if (read_small_file(path.text, text, sizeof text) <= 0) {
    return make_error(ErrorCode::kIo, EIO, "%s: cannot be read", path.text);
  }
  ProcessMemory memory;
  memory.locked = status_field(text, "\nVmLck:");
  memory.pinned = status_field(text, "\nVmPin:");
  memory.hugetlb = status_field(text, "\nHugetlbPages:");
  return memory;
}

}  // namespace terrace::os
