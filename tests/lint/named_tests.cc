// SPDX-License-Identifier: Apache-2.0
// Tables that name the tests which prove their rows must name tests that exist.
#include <algorithm>
#include <set>
#include <string_view>

#include "tests/lint/rules.h"

namespace terrace::lint {
namespace {

/// `program.case` for a line that lists a case of one of the preload tests' programs, else empty.
std::string listed_case(const std::string& program, const std::string& line) {
  constexpr std::string_view kList = "    CASE(";
  if (!line.starts_with(kList)) return {};
  return program + "." + line.substr(kList.size(), line.find(')') - kList.size());
}

/// Folders and file names under tests/, with and without their ending, `Suite.Case` of every
/// GoogleTest and `program.case` of the preload tests.
std::set<std::string> known_tests(const std::vector<SourceFile>& sources) {
  std::set<std::string> names;
  for (const SourceFile& file : sources) {
    if (!file.path.starts_with("tests/")) continue;
    const std::string name = file.path.substr(file.path.rfind('/') + 1);
    names.insert(name);
    names.insert(file.path.substr(0, file.path.rfind('/')));
    names.insert(name.substr(0, name.find('.')));
    for (const std::string& line : file.code) {
      names.insert(listed_case(name.substr(0, name.find('.')), line));
      const std::size_t open = line.find('(');
      const std::size_t comma = line.find(", ", open);
      const std::size_t close = line.find(')', comma);
      if (!line.starts_with("TEST") || close == std::string::npos) continue;
      const std::string suite = line.substr(open + 1, comma - open - 1);
      names.insert(suite + "." + line.substr(comma + 2, close - comma - 2));
    }
  }
  return names;
}

/// `Suite.*` and `Suite.Begins*` stand for all that match, of which there must be one.
bool is_known(const std::set<std::string>& names, const std::string& wanted) {
  if (!wanted.ends_with('*')) return names.contains(wanted);
  const std::string begin = wanted.substr(0, wanted.size() - 1);
  const auto found = names.lower_bound(begin);
  return found != names.end() && found->starts_with(begin);
}

/// What stands between backquotes in a table row's last column.
std::vector<std::string> quoted_in_last_column(std::string line) {
  std::vector<std::string> words;
  line.erase(std::min(line.size(), line.rfind('|')));
  std::size_t at = line.rfind('|');
  if (at == std::string::npos) return words;
  for (at = line.find('`', at); at != std::string::npos; at = line.find('`', at)) {
    const std::size_t end = line.find('`', at + 1);
    if (end == std::string::npos) break;
    words.push_back(line.substr(at + 1, end - at - 1));
    at = end + 1;
  }
  return words;
}

}  // namespace

Findings check_named_tests(const SourceFile& document, const std::vector<SourceFile>& sources) {
  const std::set<std::string> names = known_tests(sources);
  Findings findings;
  bool shown_by = false;
  for (std::size_t i = 0; i < document.lines.size(); ++i) {
    const std::string& line = document.lines[i];
    if (!line.starts_with('|')) shown_by = false;
    if (line.find("| shown by |") != std::string::npos) shown_by = true;
    if (!shown_by) continue;
    for (const std::string& test : quoted_in_last_column(line)) {
      if (is_known(names, test)) continue;
      findings.push_back({document.path, i + 1, "named-test", "no test is named " + test});
    }
  }
  return findings;
}

}  // namespace terrace::lint
