// SPDX-License-Identifier: Apache-2.0
#include "tiering/cli/os/huge_page_budget.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <utility>

#include "tiering/cli/os/file_descriptor.h"

namespace terrace::cli::os {
namespace {

Error cannot_raise(const std::string& path, int why) {
  const bool denied = why == EACCES || why == EPERM || why == EROFS || why == ENOENT;
  return make_error(denied ? ErrorCode::kCapabilityMissing : ErrorCode::kIo, why,
                    "%s: %s; as root: sysctl vm.nr_overcommit_hugepages=N", path.c_str(),
                    std::strerror(why));
}

Result<std::uint64_t> read_number(int fd, const std::string& path) {
  char text[32];
  const ssize_t got = pread(fd, text, sizeof text, 0);
  if (got < 0) return cannot_raise(path, errno);
  std::uint64_t number = 0;
  const auto parsed = std::from_chars(text, text + got, number);
  if (parsed.ec == std::errc()) return number;
  return make_error(ErrorCode::kIo, 0, "%s holds no number", path.c_str());
}

Status write_number(int fd, const std::string& path, std::uint64_t number) {
  const std::string text = std::to_string(number) + "\n";
  if (pwrite(fd, text.data(), text.size(), 0) != static_cast<ssize_t>(text.size()))
    return cannot_raise(path, errno);
  return ok_status();
}

/// Applies `change` to the number in the file, alone with it and with the notes: the lock keeps two
/// of us apart.
template <typename Change>
Result<std::uint64_t> change_number(const std::string& path, Change change) {
  const FileDescriptor file(open(path.c_str(), O_RDWR | O_CLOEXEC));
  if (!file.valid()) return cannot_raise(path, errno);
  while (flock(file.get(), LOCK_EX) != 0) {
    if (errno != EINTR) return cannot_raise(path, errno);
  }
  const Result<std::uint64_t> before = read_number(file.get(), path);
  if (!before.ok()) return before.error();
  const Status written = write_number(file.get(), path, change(*before));
  if (!written.ok()) return written.error();
  return *before;
}

/// Somebody may have set the limit lower meanwhile.
std::uint64_t less(std::uint64_t limit, std::uint64_t pages) {
  return limit > pages ? limit - pages : 0;
}

}  // namespace

Result<MemoryInfo> read_memory_info(const std::string& meminfo_path) {
  std::ifstream stream(meminfo_path);
  if (!stream)
    return make_error(ErrorCode::kIo, ENOENT, "%s cannot be read; is /proc mounted?",
                      meminfo_path.c_str());
  MemoryInfo info;
  std::string name;
  std::uint64_t kib = 0;
  std::string rest;
  while (stream >> name >> kib && std::getline(stream, rest)) {
    if (name == "MemAvailable:") info.available = KiB(kib);
    if (name == "Hugepagesize:") info.huge_page_size = KiB(kib);
  }
  return info;
}

Result<HugePageBudget> HugePageBudget::raise(Bytes need, const HugePageFiles& files) {
  const Result<MemoryInfo> memory = read_memory_info(files.meminfo);
  if (!memory.ok()) return memory.error();
  const std::uint64_t page = memory->huge_page_size.value;
  if (page == 0)
    return make_error(ErrorCode::kCapabilityMissing, 0,
                      "this kernel has no huge pages (CONFIG_HUGETLBFS)");
  const std::uint64_t most = memory->available.value / 5 * 4 / page;
  HugePageBudget budget;
  budget.path_ = files.overcommit;
  budget.added_ = std::min(need.value / page + (need.value % page != 0), most);
  const Result<std::uint64_t> raised = change_number(files.overcommit, [&](std::uint64_t before) {
    budget.mended_ = pages_left_by_the_dead(files.notes);
    budget.note_ = HugePageNote::leave(files.notes);
    return less(before, budget.mended_) + budget.added_;
  });
  if (!raised.ok()) {
    budget.added_ = 0;
    return raised.error();
  }
  budget.note_.say(budget.added_);
  return budget;
}

HugePageBudget::HugePageBudget(HugePageBudget&& other) noexcept
    : path_(std::move(other.path_)),
      added_(std::exchange(other.added_, 0)),
      mended_(other.mended_),
      note_(std::move(other.note_)) {}

HugePageBudget& HugePageBudget::operator=(HugePageBudget&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(added_, other.added_);
  std::swap(mended_, other.mended_);
  std::swap(note_, other.note_);
  return *this;
}

HugePageBudget::~HugePageBudget() {
  if (added_ == 0) return;
  const auto lowered = change_number(path_, [this](std::uint64_t now) {
    note_.take_away();
    return less(now, added_);
  });
  if (!lowered.ok()) std::fprintf(stderr, "terrace: warning: %s\n", lowered.error().message);
}

}  // namespace terrace::cli::os
