// SPDX-License-Identifier: Apache-2.0
#include "tiering/cli/segment_name.h"

#include <algorithm>
#include <filesystem>
#include <optional>

#include <fmt/format.h>

#include "allocators/base/number_of.h"

namespace terrace::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kDigits = 6;

std::optional<std::uint32_t> number_in(const std::string& text) {
  const auto number = number_of<std::uint32_t>(text);
  if (text.size() < kDigits || number == 0u) return std::nullopt;
  return number;
}

}  // namespace

std::string segment_name(const std::string& session, std::uint32_t number) {
  const fs::path path(session);
  return (path.parent_path() /
          fmt::format("{}.{:06}{}", path.stem().string(), number, path.extension().string()))
      .string();
}

std::vector<NumberedFile> segments_named(const std::string& session) {
  const fs::path path(session);
  const std::string head = path.stem().string() + ".";
  const std::string tail = path.extension().string();
  const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  std::vector<NumberedFile> found;
  std::error_code failed;
  for (fs::directory_iterator at(folder, failed), end; !failed && at != end; at.increment(failed)) {
    const std::string name = at->path().filename().string();
    if (name.size() < head.size() + kDigits + tail.size() || !name.starts_with(head) ||
        !name.ends_with(tail)) {
      continue;
    }
    const auto number =
        number_in(name.substr(head.size(), name.size() - head.size() - tail.size()));
    if (number) found.push_back({*number, (path.parent_path() / name).string()});
  }
  std::sort(found.begin(), found.end(),
            [](const NumberedFile& a, const NumberedFile& b) { return a.number < b.number; });
  return found;
}

}  // namespace terrace::cli
