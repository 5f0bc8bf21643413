// SPDX-License-Identifier: Apache-2.0
// Access source: DAMON, the kernel's monitor. It looks at one page of each of its regions every 5
// ms and splits and merges regions by what it sees; a window asks for the last 100 ms of it. Asking
// waits for the monitor, so a thread of ours does it while the recorder goes on. The cost is the
// monitor's thread's. Needs root; one program at a time on a machine. Resident: address space and
// the thread in open() and the first window, nothing else.
#pragma once

#include <atomic>
#include <cstdint>

#include "allocators/os/thread.h"
#include "profiler/os/damon_files.h"
#include "profiler/sources/access_source.h"

namespace terrace::sources {

class Damon {
 public:
  static constexpr Traits kTraits{
      session::SourceKind::kDamon, Reach::kAll,       Memory::kFiles, Grain::kBlock, Bytes(), 70,
      milliseconds(1000),          milliseconds(350), Nanoseconds()};

  constexpr Damon() = default;
  Status open(const Field& field);
  /// The same below another folder, for tests.
  Status open_at(const char* root, const Field& field);
  int begin_run(const BlockRun& run);
  int begin();
  /// EAGAIN: the monitor has not answered within the window.
  int end();
  int end_run(const BlockRun& run, std::uint32_t* counts);
  void close();
  void abandon_in_child() { files_.abandon(); }

  /// For how long accesses were counted in a window.
  static constexpr Nanoseconds observed() { return os::DamonFiles::kAggregation; }
  /// CPU time of the monitor since the last call.
  Nanoseconds take_cpu_time();

 private:
  static void* ask_body(void* self);
  void ask();
  void take(const os::DamonRegion& region);

  os::DamonFiles files_;
  Field field_;
  std::uint32_t* found_ = nullptr;  ///< accesses seen, for each block of the field
  std::uint64_t low_ = 0;           ///< what the runs span
  std::uint64_t high_ = 0;
  std::uint64_t watched_low_ = 0;
  std::uint64_t watched_high_ = 0;
  bool collecting_ = false;
  os::JoinedThread asking_;
  std::atomic<bool> answered_{false};
  Nanoseconds counted_cpu_;
};
static_assert(AccessSource<Damon>);

}  // namespace terrace::sources
