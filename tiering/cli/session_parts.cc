// SPDX-License-Identifier: Apache-2.0
#include "tiering/cli/session_parts.h"

#include <algorithm>
#include <filesystem>
#include <random>

#include <fmt/format.h>

#include "allocators/base/percent.h"
#include "profiler/os/replacement_file.h"
#include "profiler/session/session_joiner.h"
#include "profiler/session/session_packer.h"
#include "profiler/session/whole_chunks.h"
#include "tiering/cli/messages.h"
#include "tiering/cli/session_name.h"

namespace terrace::cli {
namespace {

namespace fs = std::filesystem;

/// "PID" in place of %p: the one process id that the session's name has is not known yet.
std::string without_process(const std::string& pattern) {
  std::string result;
  for_each_escape(
      pattern, [&](char c) { result += c; },
      [&](char letter, std::size_t) { result += letter == 'p' ? "PID" : "%%"; });
  return result;
}

std::string random_token() {
  std::random_device random;
  return fmt::format("{:06x}", random() & 0xFFFFFFu);
}

/// After the program's end, so that compression costs it nothing. What fails leaves the file as the
/// program wrote it, which everything reads as well.
void pack(const std::string& session) {
  const Result<session::PackResult> packed = session::pack_session(session);
  if (!packed.ok()) {
    say_warning(fmt::format("{}; the session stays uncompressed", packed.error().message));
  } else if (packed->packing == session::Packing::kPacked) {
    say_detail(fmt::format("session compressed from {} to {} bytes", packed->before.value,
                           packed->after.value));
  }
}

/// The program itself first, then as they began.
void put_in_order(std::vector<std::string>& files, pid_t program) {
  struct Key {
    bool other = true;
    std::uint64_t start = ~std::uint64_t{0};
    std::string path;
    auto operator<=>(const Key&) const = default;
  };
  std::vector<Key> keys;
  for (const std::string& path : files) {
    const Result<session::ChunkFile> file = session::open_chunks(path);
    if (file) {
      const session::FileHeader& header = file->header;
      keys.push_back(
          {header.pid != static_cast<std::uint32_t>(program), header.start_monotonic_ns, path});
    } else {
      keys.push_back({true, ~std::uint64_t{0}, path});
    }
  }
  std::sort(keys.begin(), keys.end());
  for (std::size_t i = 0; i < files.size(); ++i) files[i] = keys[i].path;
}

void join(const std::vector<std::string>& files, const std::string& path) {
  const Result<session::JoinResult> joined = session::join_sessions(files, path);
  if (!joined.ok()) {
    say_warning(
        fmt::format("{}; what its {} processes wrote stays in files of their own, each of "
                    "which can be read: {} and so on",
                    joined.error().message, files.size(), files.front()));
    return;
  }
  for (const std::string& torn : joined->torn) {
    say_warning(fmt::format("{}: cut off; it is in the session up to its last whole record", torn));
  }
  for (const std::string& why : joined->left) say_warning(fmt::format("left out: {}", why));
  if (joined->left.empty()) {
    std::error_code failed;
    for (const std::string& file : files) fs::remove(file, failed);
  }
  say_detail(fmt::format("session of {} processes, compressed from {} to {} bytes", files.size(),
                         joined->before.value, joined->after.value));
}

}  // namespace

SessionParts::SessionParts(const std::string& pattern) {
  if (pattern.empty()) return;
  pattern_ = without_process(pattern) + ".part-" + random_token() + "-%p";
}

std::vector<std::string> SessionParts::written() const {
  const fs::path prefix(session_path(pattern_.substr(0, pattern_.size() - 2), 0));
  const fs::path folder = prefix.has_parent_path() ? prefix.parent_path() : fs::path(".");
  std::vector<std::string> files;
  std::error_code failed;
  for (fs::directory_iterator at(folder, failed), end; !failed && at != end; at.increment(failed)) {
    const bool ours = at->path().filename().string().starts_with(prefix.filename().string());
    std::error_code unknown;
    if (ours && at->is_regular_file(unknown)) {
      files.push_back((prefix.parent_path() / at->path().filename()).string());
    }
  }
  return files;
}

void SessionParts::collect(const std::string& path, pid_t program) const {
  if (pattern_.empty()) return;
  std::vector<std::string> files = written();
  put_in_order(files, program);
  if (files.size() == 1) {
    // Also one that is still written to: who writes does not mind the name.
    std::error_code failed;
    fs::rename(files.front(), path, failed);
    if (failed) {
      say_warning(
          fmt::format("{}: cannot be renamed to {}: {}", files.front(), path, failed.message()));
      return;
    }
    pack(path);
    return;
  }
  std::vector<std::string> ended;
  for (const std::string& file : files) {
    if (!terrace::os::is_written_to(file)) {
      ended.push_back(file);
      continue;
    }
    say_warning(
        fmt::format("a process that the program left behind records on into {}, which can "
                    "be read by itself",
                    file));
  }
  if (!ended.empty()) join(ended, path);
}

}  // namespace terrace::cli
