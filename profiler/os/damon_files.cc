// SPDX-License-Identifier: Apache-2.0
#include "profiler/os/damon_files.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "allocators/os/files.h"
#include "allocators/os/keep_errno.h"

namespace terrace::os {
namespace {

constexpr const char* kCount = "kdamonds/nr_kdamonds";
constexpr const char* kState = "kdamonds/0/state";
constexpr const char* kRegions = "kdamonds/0/contexts/0/schemes/0/tried_regions";

struct Setting {
  const char* name;  ///< below kdamonds/0/contexts/0
  std::uint64_t value;
};
// Folders come to be when their number is written, so the order counts.
constexpr Setting kSettings[] = {
    {"monitoring_attrs/intervals/sample_us", DamonFiles::kSample.value / 1000},
    {"monitoring_attrs/intervals/aggr_us", DamonFiles::kAggregation.value / 1000},
    {"monitoring_attrs/nr_regions/min", 10},
    {"monitoring_attrs/nr_regions/max", DamonFiles::kMostRegions},
    {"targets/nr_targets", 1},
    {"targets/0/regions/nr_regions", 1},
    {"schemes/nr_schemes", 1},
    {"schemes/0/access_pattern/sz/max", ~std::uint64_t{0}},
    {"schemes/0/access_pattern/nr_accesses/max", ~std::uint32_t{0}},
    {"schemes/0/access_pattern/age/max", ~std::uint32_t{0}},
};

/// A number in one of the files; false when there is none.
bool read_number(const char* path, std::uint64_t& number) {
  char text[32];
  if (read_small_file(path, text, sizeof text) <= 0) return false;
  char* end = nullptr;
  number = std::strtoull(text, &end, 10);
  return end != text;
}

Error in_use(std::uint64_t monitors, const char* root) {
  char path[256];
  char who[48] = "";
  std::snprintf(path, sizeof path, "%s/kdamonds/0/pid", root);
  std::uint64_t pid = 0;
  if (read_number(path, pid) && pid != 0) {
    std::snprintf(who, sizeof who, ", first: thread %llu", static_cast<unsigned long long>(pid));
  }
  return make_error(ErrorCode::kCapabilityMissing, EBUSY,
                    "damon: somebody else has set it up (%llu monitors%s); wait until "
                    "%s/kdamonds/nr_kdamonds is 0",
                    static_cast<unsigned long long>(monitors), who, root);
}

}  // namespace

Status DamonFiles::open(const char* root) {
  const KeepErrno keep;
  close();
  std::snprintf(root_, sizeof root_, "%s", root);
  char path[256];
  std::snprintf(path, sizeof path, "%s/%s", root, kCount);
  std::uint64_t monitors = 0;
  if (!read_number(path, monitors)) {
    return make_error(ErrorCode::kCapabilityMissing, ENOENT,
                      "damon: %s cannot be read; be root on a kernel with CONFIG_DAMON_SYSFS",
                      path);
  }
  if (monitors != 0) return in_use(monitors, root);
  if (const int error = write_number(kCount, 1); error != 0) {
    return make_error(ErrorCode::kCapabilityMissing, error, "damon: %s cannot be written (%s)",
                      path, std::strerror(error));
  }
  ours_ = true;
  const int error = configure(process_id());
  if (error == 0) return ok_status();
  close();
  return make_error(ErrorCode::kCapabilityMissing, error,
                    "damon: no monitor of a process's address space (%s); a kernel with "
                    "CONFIG_DAMON_VADDR of 5.19 or later has it",
                    std::strerror(error));
}

int DamonFiles::configure(int pid) {
  if (const int error = write_number("kdamonds/0/contexts/nr_contexts", 1); error != 0)
    return error;
  // Of a fixed range: otherwise the kernel spreads its regions over all that the program has.
  if (const int error = write("kdamonds/0/contexts/0/operations", "fvaddr"); error != 0) {
    return error;
  }
  for (const Setting& setting : kSettings) {
    char name[160];
    std::snprintf(name, sizeof name, "kdamonds/0/contexts/0/%s", setting.name);
    if (const int error = write_number(name, setting.value); error != 0) return error;
  }
  if (const int error = write("kdamonds/0/contexts/0/schemes/0/action", "stat"); error != 0) {
    return error;
  }
  return write_number("kdamonds/0/contexts/0/targets/0/pid_target",
                      static_cast<std::uint64_t>(pid));
}

int DamonFiles::watch(std::uint64_t start, std::uint64_t end) {
  const KeepErrno keep;
  if (!ours_) return ENODEV;
  constexpr const char* kRange = "kdamonds/0/contexts/0/targets/0/regions/0/";
  char name[96];
  std::snprintf(name, sizeof name, "%sstart", kRange);
  if (const int error = write_number(name, start); error != 0) return error;
  std::snprintf(name, sizeof name, "%send", kRange);
  if (const int error = write_number(name, end); error != 0) return error;
  const int error = write(kState, running_ ? "commit" : "on");
  if (error == 0) running_ = true;
  return error;
}

int DamonFiles::update() {
  const KeepErrno keep;
  return running_ ? write(kState, "update_schemes_tried_regions") : ENODEV;
}

int DamonFiles::read_regions(void (*visit)(const DamonRegion& region, void* context),
                             void* context) const {
  const KeepErrno keep;
  for (std::uint32_t i = 0; i < kMostRegions; ++i) {
    char path[320];
    std::uint64_t numbers[3] = {};
    const char* const names[] = {"start", "end", "nr_accesses"};
    for (int field = 0; field < 3; ++field) {
      std::snprintf(path, sizeof path, "%s/%s/%u/%s", root_, kRegions, i, names[field]);
      if (read_number(path, numbers[field])) continue;
      return i == 0 ? ENOENT : 0;
    }
    visit({numbers[0], numbers[1], static_cast<std::uint32_t>(numbers[2])}, context);
  }
  return 0;
}

Nanoseconds DamonFiles::cpu_time() const {
  const KeepErrno keep;
  char path[256];
  std::snprintf(path, sizeof path, "%s/kdamonds/0/pid", root_);
  std::uint64_t pid = 0;
  if (!running_ || !read_number(path, pid)) return Nanoseconds();
  std::snprintf(path, sizeof path, "/proc/%llu/schedstat", static_cast<unsigned long long>(pid));
  std::uint64_t ran = 0;
  return read_number(path, ran) ? Nanoseconds(ran) : Nanoseconds();
}

int DamonFiles::write(const char* name, const char* text) const {
  char path[320];
  std::snprintf(path, sizeof path, "%s/%s", root_, name);
  const int fd = ::open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return errno;
  const auto length = static_cast<ssize_t>(std::strlen(text));
  const int error = ::write(fd, text, static_cast<std::size_t>(length)) == length ? 0 : errno;
  ::close(fd);
  return error;
}

int DamonFiles::write_number(const char* name, std::uint64_t number) const {
  char text[24];
  std::snprintf(text, sizeof text, "%llu", static_cast<unsigned long long>(number));
  return write(name, text);
}

void DamonFiles::close() {
  if (!ours_) return;
  const KeepErrno keep;
  // A monitor that has stopped by itself, as its process ended, answers EINVAL or EPERM.
  if (running_) (void)write(kState, "off");
  (void)write_number(kCount, 0);
  ours_ = false;
  running_ = false;
}

}  // namespace terrace::os
