// SPDX-License-Identifier: Apache-2.0
#include "tiering/cli/open_recording.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "profiler/session/segment_glance.h"
#include "profiler/session/segments.h"
#include "tiering/cli/messages.h"
#include "tiering/cli/segment_name.h"

namespace terrace::cli {
namespace {

namespace fs = std::filesystem;

/// A recorder that was killed while it compressed a file leaves the beginning of a copy beside it
/// (os::ReplacementFile): its name and a point and six letters.
void leave_out_copies(std::vector<std::string>& paths) {
  constexpr std::size_t kBesideLength = 7;
  const std::vector<std::string> all = paths;
  std::erase_if(paths, [&](const std::string& path) {
    return path.size() > kBesideLength &&
           std::binary_search(all.begin(), all.end(), path.substr(0, path.size() - kBesideLength));
  });
}

/// Files of split recordings in a folder, in order of name; of one recording when that is given.
std::vector<std::string> segments_in(const fs::path& folder,
                                     std::optional<std::uint64_t> recording) {
  std::vector<std::string> found;
  std::error_code failed;
  for (fs::directory_iterator at(folder, failed), end; !failed && at != end; at.increment(failed)) {
    std::error_code unknown;
    if (!at->is_regular_file(unknown)) continue;
    const auto glance = session::glance_at_segment(at->path().string());
    if (!glance || (recording && glance->segment.recording != *recording)) continue;
    found.push_back(at->path().string());
  }
  std::sort(found.begin(), found.end());
  leave_out_copies(found);
  return found;
}

std::string folder_of(const std::string& path) {
  const fs::path parent = fs::path(path).parent_path();
  return parent.empty() ? "." : parent.string();
}

Result<session::Recording> read_all(const std::vector<std::string>& paths) {
  std::vector<session::SegmentFile> files;
  for (const std::string& path : paths) {
    Result<session::Recording> recording = session::read_recording(path);
    if (recording.ok()) {
      files.push_back({path, std::move(*recording)});
    } else if (paths.size() == 1) {
      return recording.error();
    } else {
      say_warning(fmt::format("{}; the file is left out", recording.error().message));
    }
  }
  Result<session::WholeRecording> whole = session::join_segments(std::move(files));
  if (!whole.ok()) return whole.error();
  for (const std::string& gap : whole->gaps) say_warning(gap);
  return std::move(whole->recording);
}

Result<session::Recording> read_one(const std::string& path, const std::vector<std::string>& all) {
  Result<session::Recording> recording = session::read_recording(path);
  if (!recording.ok()) return recording;
  session::stand_alone(*recording);
  if (all.size() > 1) {
    say_warning(
        fmt::format("{}: one of {} files of a split recording, read alone; --whole reads "
                    "all",
                    path, all.size()));
  }
  return recording;
}

Result<session::Recording> read_folder(const std::string& path) {
  const std::vector<std::string> all = segments_in(path, std::nullopt);
  if (!all.empty()) return read_all(all);
  return make_error(ErrorCode::kUsage, 0,
                    "%s is a folder without files of a split recording; name a session",
                    path.c_str());
}

}  // namespace

Result<session::Recording> open_recording(const Settings& settings, const std::string& path) {
  std::error_code failed;
  if (fs::is_directory(path, failed)) return read_folder(path);
  if (!fs::exists(path, failed)) {
    std::vector<std::string> all;
    for (const NumberedFile& file : segments_named(path)) all.push_back(file.path);
    return all.empty() ? session::read_recording(path) : read_all(all);
  }
  // A pipe must not be opened twice.
  const auto glance =
      fs::is_regular_file(path, failed) ? session::glance_at_segment(path) : std::nullopt;
  if (!glance) return session::read_recording(path);
  const auto all = segments_in(folder_of(path), glance->segment.recording);
  return settings.flag("whole") ? read_all(all) : read_one(path, all);
}

}  // namespace terrace::cli
