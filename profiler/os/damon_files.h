// SPDX-License-Identifier: Apache-2.0
// DAMON's sysfs interface (Documentation/admin-guide/mm/damon/usage.rst), for one monitor of one
// range of one process. There is one such interface on a machine: a monitor that is there already
// is somebody else's, and then nothing is written at all.
// One owner; allocates nothing. Errors: errno values. update() waits for the monitor, for up to two
// of its aggregation intervals: never called under a lock that the program may want.
#pragma once

#include <cstdint>

#include <terrace/result.h>
#include <terrace/units.h>

namespace terrace::os {

struct DamonRegion {
  std::uint64_t start = 0;
  std::uint64_t end = 0;
  std::uint32_t accesses = 0;  ///< sampling intervals of one aggregation that saw an access
};

class DamonFiles {
 public:
  constexpr DamonFiles() = default;
  DamonFiles(const DamonFiles&) = delete;
  DamonFiles& operator=(const DamonFiles&) = delete;
  ~DamonFiles() { close(); }

  /// `root`: normally kRoot. kCapabilityMissing: no such interface, no right, or in use, by whom.
  Status open(const char* root);
  static constexpr const char* kRoot = "/sys/kernel/mm/damon/admin";
  bool is_open() const { return ours_; }

  /// Watches [start, end) of this process from now on.
  int watch(std::uint64_t start, std::uint64_t end);
  /// Brings the regions of the last aggregation into the files.
  int update();
  /// visit(region, context) for each of them.
  int read_regions(void (*visit)(const DamonRegion& region, void* context), void* context) const;
  /// CPU time of the monitor's thread so far.
  Nanoseconds cpu_time() const;
  void close();
  /// In a fork's child: the monitor stays the parent's.
  void abandon() { ours_ = false; }

  static constexpr Nanoseconds kSample = milliseconds(5);
  static constexpr Nanoseconds kAggregation = milliseconds(100);
  static constexpr std::uint32_t kMostRegions = 400;

 private:
  int write(const char* name, const char* text) const;
  int write_number(const char* name, std::uint64_t number) const;
  int configure(int pid);

  char root_[200] = {};
  bool ours_ = false;
  bool running_ = false;
};

}  // namespace terrace::os
