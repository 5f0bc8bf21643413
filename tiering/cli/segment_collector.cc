// SPDX-License-Identifier: Apache-2.0
#include "tiering/cli/segment_collector.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include <fmt/format.h>

#include "allocators/os/clock.h"
#include "profiler/os/replacement_file.h"
#include "profiler/session/session_packer.h"
#include "tiering/cli/messages.h"
#include "tiering/cli/name_recording.h"
#include "tiering/cli/os/background_priority.h"
#include "tiering/cli/segment_name.h"
#include "tiering/cli/session_name.h"

namespace terrace::cli {
namespace {

namespace fs = std::filesystem;

constexpr Nanoseconds kLookEvery = milliseconds(1000);
/// What ReplacementFile puts behind the name of a file that it makes anew: a point and six letters.
constexpr std::size_t kBesideLength = 7;

}  // namespace

SegmentCollector::~SegmentCollector() {
  if (!worker_.joinable()) return;
  {
    const std::lock_guard guard(lock_);
    ending_ = true;
  }
  changed_.notify_one();
  worker_.join();
}

bool SegmentCollector::is_ours_to_look_at(const std::string& path) const {
  if (taken_.contains(path)) return false;
  const bool made_anew =
      path.size() > kBesideLength && taken_.contains(path.substr(0, path.size() - kBesideLength));
  return !made_anew;
}

/// Those of which their process has a later one, in the order in which they were begun.
std::vector<std::string> SegmentCollector::find_closed() {
  using Process = std::pair<std::uint32_t, std::uint64_t>;
  std::map<Process, std::uint32_t> latest;
  std::map<std::string, session::SegmentGlance> here;
  for (const std::string& path : parts_.written()) {
    if (!is_ours_to_look_at(path)) continue;
    const auto before = known_.find(path);
    const auto glance = before != known_.end() ? before->second : session::glance_at_segment(path);
    if (!glance) continue;
    here.emplace(path, *glance);
    std::uint32_t& number = latest[{glance->pid, glance->process_start_ns}];
    number = std::max(number, glance->segment.number);
  }
  known_ = here;
  std::vector<std::pair<std::uint64_t, std::string>> closed;
  for (const auto& [path, glance] : here) {
    const bool last = glance.segment.number == latest[{glance.pid, glance.process_start_ns}];
    if (last || terrace::os::is_written_to(path)) continue;
    closed.emplace_back(glance.segment.begin_ns, path);
  }
  std::sort(closed.begin(), closed.end());
  std::vector<std::string> paths;
  for (auto& [begun, path] : closed) paths.push_back(std::move(path));
  return paths;
}

void SegmentCollector::take(pid_t program, const ModelsInUse& models) {
  for (const std::string& path : find_closed()) {
    taken_.insert(path);
    if (!worker_.joinable()) worker_ = std::thread([this] { work(); });
    {
      const std::lock_guard guard(lock_);
      queue_.push_back({path, session_path(pattern_, program), models.seen()});
    }
    changed_.notify_one();
  }
}

void SegmentCollector::look(pid_t program, const ModelsInUse& models) {
  const Nanoseconds now = terrace::os::monotonic_now();
  if (now - looked_ < kLookEvery) return;
  looked_ = now;
  take(program, models);
}

std::string SegmentCollector::finish(pid_t program, const ModelsInUse& models) {
  take(program, models);
  if (worker_.joinable()) {
    {
      const std::lock_guard guard(lock_);
      ending_ = true;
    }
    changed_.notify_one();
    worker_.join();
  }
  const std::string session = session_path(pattern_, program);
  const std::string last = segment_name(session, last_number_ + 1);
  parts_.collect(last, program);
  std::error_code failed;
  if (!fs::exists(last, failed)) return {};
  ++last_number_;
  drop_old(session);
  return last;
}

void SegmentCollector::work() {
  os::run_in_background();
  for (;;) {
    Closed next;
    {
      std::unique_lock guard(lock_);
      changed_.wait(guard, [this] { return ending_ || !queue_.empty(); });
      if (queue_.empty()) return;
      next = std::move(queue_.front());
      queue_.pop_front();
    }
    put_in_place(next);
  }
}

/// Compressed and named before it gets its name, so that what has one is as it stays.
void SegmentCollector::put_in_place(const Closed& closed) {
  const Result<session::PackResult> packed = session::pack_session(closed.path);
  std::error_code failed;
  // The process itself drops files that are too old, should nobody take them.
  if (!packed && !fs::exists(closed.path, failed)) return;
  if (!packed) {
    say_warning(fmt::format("{}; the file stays uncompressed", packed.error().message));
  }
  name_recording(settings_, closed.path, closed.models);
  const std::string place = segment_name(closed.session, last_number_ + 1);
  fs::rename(closed.path, place, failed);
  if (failed) {
    say_warning(fmt::format("{}: cannot be renamed to {}: {}; it can be read under its own name",
                            closed.path, place, failed.message()));
    return;
  }
  ++last_number_;
  say_detail(fmt::format("{}: closed", place));
  drop_old(closed.session);
}

void SegmentCollector::drop_old(const std::string& session) const {
  if (rule_.keep == 0) return;
  for (const NumberedFile& file : segments_named(session)) {
    if (file.number + rule_.keep > last_number_) return;
    std::error_code failed;
    fs::remove(file.path, failed);
    if (failed) say_warning(fmt::format("{}: cannot be removed: {}", file.path, failed.message()));
  }
}

void remove_segments(const std::string& session) {
  for (const NumberedFile& file : segments_named(session)) {
    std::error_code failed;
    fs::remove(file.path, failed);
    if (failed) say_warning(fmt::format("{}: cannot be replaced: {}", file.path, failed.message()));
  }
}

}  // namespace terrace::cli
