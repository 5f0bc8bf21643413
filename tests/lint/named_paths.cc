// SPDX-License-Identifier: Apache-2.0
// Documents must name what exists: sources by their path, and in the walks through the code the
// functions and types that they follow.
#include <algorithm>
#include <array>
#include <cctype>
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

/// "Arena::carve" in quotes: its last name. Empty: it is no name, or a part of a path.
std::string_view symbol_in(std::string_view quoted) {
  const std::size_t scope = quoted.rfind("::");
  std::string_view name = scope == quoted.npos ? quoted : quoted.substr(scope + 2);
  name = name.substr(0, name.find('('));
  const bool word = !name.empty() && std::all_of(name.begin(), name.end(), is_word);
  return word && std::isdigit(static_cast<unsigned char>(name.front())) == 0 ? name : "";
}

}  // namespace

Findings check_named_paths(const SourceFile& document,
                           const std::function<bool(const std::string&)>& exists) {
  Findings findings;
  for (std::size_t i = 0; i < document.lines.size(); ++i) {
    for (const std::string& path : sources_in(document.lines[i])) {
      if (exists(path)) continue;
      findings.push_back({document.path, i + 1, "named-path", "there is no " + path});
    }
  }
  return findings;
}

std::set<std::string> words_of(const std::vector<SourceFile>& sources) {
  std::set<std::string> words;
  for (const SourceFile& source : sources) {
    if (source.language != Language::kCxx) continue;
    for (const std::string& line : source.lines) {
      for (auto begin = line.begin(); begin != line.end();) {
        begin = std::find_if(begin, line.end(), is_word);
        const auto end = std::find_if_not(begin, line.end(), is_word);
        if (begin != end) words.emplace(begin, end);
        begin = end;
      }
    }
  }
  return words;
}

Findings check_named_symbols(const SourceFile& walk, const std::set<std::string>& words) {
  Findings findings;
  for (std::size_t i = 0; i < walk.lines.size(); ++i) {
    const std::string_view line = walk.lines[i];
    for (std::size_t at = line.find('`'); at != line.npos; at = line.find('`', at + 1)) {
      const std::size_t end = line.find('`', at + 1);
      if (end == line.npos) break;
      const std::string name(symbol_in(line.substr(at + 1, end - at - 1)));
      at = end;
      if (name.empty() || words.contains(name)) continue;
      findings.push_back({walk.path, i + 1, "named-symbol", "no source has " + name});
    }
  }
  return findings;
}

}  // namespace terrace::lint
