// SPDX-License-Identifier: Apache-2.0
#include "tiering/cli/session_name.h"

#include <filesystem>

#include "allocators/base/percent.h"
#include "tiering/cli/os/host_name.h"
#include "tiering/cli/output_file.h"
#include "tiering/cli/segment_name.h"

namespace terrace::cli {
namespace {

namespace fs = std::filesystem;

constexpr int kMostNumbers = 100000;

/// `text` as the runtime has to read it.
std::string escaped(const std::string& text) {
  std::string result;
  for (const char c : text) result += c == '%' ? "%%" : std::string(1, c);
  return result;
}

Status check(const std::string& named) {
  Status checked = ok_status();
  for_each_escape(
      named, [](char) {},
      [&](char letter, std::size_t at) {
        if (std::string("phn%").find(letter) != std::string::npos && letter != '\0') return;
        if (!checked) return;
        checked = make_error(ErrorCode::kUsage, 0,
                             "%s: character %zu: %% is followed by %s; %%p is the process id, %%h "
                             "the host, %%n a free number, %%%% a percent sign",
                             named.c_str(), at + 1,
                             letter == '\0' ? "nothing" : std::string(1, letter).c_str());
      });
  return checked;
}

std::string with_number(const std::string& named, const std::string& host, int number) {
  std::string pattern;
  for_each_escape(
      named, [&](char c) { pattern += c; },
      [&](char letter, std::size_t) {
        switch (letter) {
          case 'h':
            pattern += escaped(host);
            break;
          case 'n':
            pattern += std::to_string(number);
            break;
          default:
            pattern += {'%', letter};
        }
      });
  return pattern;
}

/// The process id is not known yet: a name with %p is taken when some process has taken it.
bool is_free(const std::string& pattern) {
  std::error_code failed;
  if (!names_process(pattern)) {
    const std::string path = session_path(pattern, 0);
    return !fs::exists(path, failed) && segments_named(path).empty();
  }
  constexpr const char* kMark = "\x01";
  std::string mask;
  for_each_escape(
      pattern, [&](char c) { mask += c; },
      [&](char letter, std::size_t) { mask += letter == 'p' ? kMark : "%"; });
  const fs::path whole(mask);
  const std::string name = whole.filename().string();
  const std::size_t mark = name.find(kMark);
  if (mark == std::string::npos) return true;  // the process id is in the folder's name
  const std::string head = name.substr(0, mark);
  const std::string tail = name.substr(name.rfind(kMark) + 1);
  const fs::path folder = whole.has_parent_path() ? whole.parent_path() : fs::path(".");
  for (fs::directory_iterator at(folder, failed), end; !failed && at != end; at.increment(failed)) {
    const std::string other = at->path().filename().string();
    if (other.size() > head.size() + tail.size() && other.starts_with(head) &&
        other.ends_with(tail)) {
      return false;
    }
  }
  return true;
}

}  // namespace

Result<std::string> session_pattern(const std::string& named, const std::string& host) {
  if (const Status checked = check(named); !checked) return checked.error();
  std::string pattern = with_number(named, host, 0);
  if (with_number(named, host, 1) == pattern) return pattern;
  for (int number = 0; number < kMostNumbers; ++number) {
    pattern = with_number(named, host, number);
    if (is_free(pattern)) return pattern;
  }
  return make_error(ErrorCode::kUsage, 0, "%s: all numbers below %d are taken; name another folder",
                    named.c_str(), kMostNumbers);
}

Result<std::string> session_to_write(const Settings& settings, const std::string& named,
                                     Splitting split) {
  Result<std::string> pattern = session_pattern(named, terrace::os::host_name());
  if (!pattern.ok() || settings.flag("force") || names_process(*pattern)) return pattern;
  const std::string path = session_path(*pattern, 0);
  Status checked = check_overwrite(path, OutputKind::kSession);
  // They go when a split recording of this name begins.
  const std::vector<NumberedFile> older =
      split == Splitting::kSplit ? segments_named(path) : std::vector<NumberedFile>();
  for (const NumberedFile& file : older) {
    if (checked) checked = check_overwrite(file.path, OutputKind::kSession);
  }
  return checked.ok() ? pattern : Result<std::string>(checked.error());
}

std::string absolute_pattern(const std::string& pattern) {
  if (pattern.empty() || pattern.starts_with('/')) return pattern;
  return escaped(fs::current_path().string()) + "/" + pattern;
}

std::string session_path(const std::string& pattern, int process_id) {
  std::string path;
  for_each_escape(
      pattern, [&](char c) { path += c; },
      [&](char letter, std::size_t) { path += letter == 'p' ? std::to_string(process_id) : "%"; });
  return path;
}

bool names_process(const std::string& pattern) {
  bool named = false;
  for_each_escape(
      pattern, [](char) {}, [&](char letter, std::size_t) { named = named || letter == 'p'; });
  return named;
}

}  // namespace terrace::cli
