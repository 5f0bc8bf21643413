// SPDX-License-Identifier: Apache-2.0
// Documents must name files that exist: what they link to, and sources that they name by path.
#include <algorithm>
#include <array>
#include <filesystem>
#include <string_view>

#include "tests/lint/rules.h"

namespace terrace::lint {
namespace {

constexpr std::array<std::string_view, 5> kFolders = {"allocators/", "bench/", "profiler/",
                                                      "tests/", "tiering/"};
constexpr std::array<std::string_view, 7> kEndings = {".c",  ".cc",  ".h", ".hpp",
                                                      ".md", ".mjs", ".sh"};

bool is_path_character(char c) {
  return is_word(c) || c == '/' || c == '.' || c == '-';
}

/// Targets of `](target)` from the repository's root; none of links into the page or out of it.
std::vector<std::string> linked_in(std::string_view line, const std::filesystem::path& folder) {
  std::vector<std::string> targets;
  for (std::size_t at = line.find("]("); at != line.npos; at = line.find("](", at + 1)) {
    const std::string_view target = line.substr(at + 2, line.find(')', at) - at - 2);
    const std::string path(target.substr(0, target.find('#')));
    // With a blank it is a lambda's parameter in a piece of code.
    if (path.empty() || path.find_first_of(": ") != path.npos) continue;
    targets.push_back((folder / path).lexically_normal().string());
  }
  return targets;
}

/// Paths of sources from the root. Behind a slash or a dot the word is a part of another path, and
/// one with a star is a pattern.
std::vector<std::string> sources_in(std::string_view line) {
  std::vector<std::string> paths;
  for (std::size_t at = 0; at < line.size(); ++at) {
    const bool begins = at == 0 || !is_path_character(line[at - 1]);
    const std::string_view rest = line.substr(at);
    const auto starts = [rest](std::string_view folder) { return rest.starts_with(folder); };
    if (!begins || std::none_of(kFolders.begin(), kFolders.end(), starts)) continue;
    const auto end = std::find_if_not(rest.begin(), rest.end(), is_path_character);
    std::string_view path = rest.substr(0, static_cast<std::size_t>(end - rest.begin()));
    while (path.ends_with('.')) path.remove_suffix(1);
    const auto ends = [path](std::string_view ending) { return path.ends_with(ending); };
    const bool pattern = end != rest.end() && (*end == '*' || *end == '{');
    if (!pattern && std::any_of(kEndings.begin(), kEndings.end(), ends)) paths.emplace_back(path);
  }
  return paths;
}

}  // namespace

Findings check_named_paths(const SourceFile& document,
                           const std::function<bool(const std::string&)>& exists) {
  Findings findings;
  const std::filesystem::path folder = std::filesystem::path(document.path).parent_path();
  for (std::size_t i = 0; i < document.lines.size(); ++i) {
    std::vector<std::string> named = linked_in(document.lines[i], folder);
    for (std::string& path : sources_in(document.lines[i])) named.push_back(std::move(path));
    for (const std::string& path : named) {
      if (exists(path)) continue;
      findings.push_back({document.path, i + 1, "named-path", "there is no " + path});
    }
  }
  return findings;
}

}  // namespace terrace::lint
