// SPDX-License-Identifier: Apache-2.0
// Rules about any text: length, licence, words.
#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

#include "tests/lint/rules.h"

namespace terrace::lint {
namespace {

constexpr std::size_t kMaxFileLines = 600;
constexpr std::string_view kLicence = "SPDX-License-Identifier: Apache-2.0";
// In two halves, so that this file does not contain them.
constexpr std::array<std::string_view, 4> kWordHeads = {"TO", "FIX", "XX", "HA"};
constexpr std::array<std::string_view, 4> kWordTails = {"DO", "ME", "X", "CK"};

/// As a word of its own: "XXXX" and "mktemp.XXXXXX" are no notes to oneself.
bool has_word(std::string_view line, std::string_view word) {
  for (std::size_t at = line.find(word); at != std::string_view::npos;
       at = line.find(word, at + 1)) {
    const std::size_t end = at + word.size();
    const bool begins = at == 0 || !is_word(line[at - 1]);
    if (begins && (end == line.size() || !is_word(line[end]))) return true;
  }
  return false;
}

bool has_letter(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](unsigned char c) { return std::isalpha(c) != 0; });
}

}  // namespace

Findings check_file_length(const SourceFile& file) {
  if (file.lines.size() <= kMaxFileLines) return {};
  return {{file.path, kMaxFileLines + 1, "file-length",
           std::to_string(file.lines.size()) + " lines, more than 600; split it by idea"}};
}

Findings check_opening(const SourceFile& file) {
  Findings findings;
  const auto has_licence = [](const std::string& line) {
    return line.find(kLicence) != std::string::npos;
  };
  // A script's first line is its interpreter, and shellcheck's directive may come before the
  // licence.
  const std::size_t opening = file.language == Language::kCxx ? 1 : 2;
  const auto end =
      file.lines.begin() + static_cast<std::ptrdiff_t>(std::min(opening, file.lines.size()));
  if (std::none_of(file.lines.begin(), end, has_licence)) {
    findings.push_back({file.path, 1, "licence", "does not open with " + std::string(kLicence)});
  }
  const auto is_pragma = [](const std::string& line) { return line == "#pragma once"; };
  if (file.path.ends_with(".h") && std::none_of(file.code.begin(), file.code.end(), is_pragma)) {
    findings.push_back({file.path, 1, "include-guard", "header without #pragma once"});
  }
  return findings;
}

Findings check_words(const SourceFile& file) {
  Findings findings;
  for (std::size_t i = 0; i < file.lines.size(); ++i) {
    for (std::size_t word = 0; word < kWordHeads.size(); ++word) {
      const std::string note = std::string(kWordHeads[word]) + std::string(kWordTails[word]);
      if (!has_word(file.lines[i], note)) continue;
      findings.push_back({file.path, i + 1, "note", note + ": finish it or file an issue"});
    }
  }
  return findings;
}

Findings check_suppressions(const SourceFile& file) {
  constexpr std::string_view kSuppression =
      "NO"
      "LINT";
  Findings findings;
  for (std::size_t i = 0; i < file.lines.size(); ++i) {
    const std::string_view line = file.lines[i];
    const std::size_t at = line.find(kSuppression);
    const std::size_t comment = line.find("//");
    if (at == line.npos || comment > at) continue;
    const std::size_t end = std::min(line.find(')', at), line.size() - 1);
    const std::string_view before = line.substr(comment + 2, at - comment - 2);
    if (has_letter(before) || has_letter(line.substr(end + 1))) continue;
    findings.push_back({file.path, i + 1, "suppression", "say why, in the same comment"});
  }
  return findings;
}

Findings check_all(const SourceFile& file, const std::vector<std::string>& public_headers) {
  Findings all;
  const auto add = [&](Findings found) { all.insert(all.end(), found.begin(), found.end()); };
  add(check_file_length(file));
  add(check_opening(file));
  add(check_words(file));
  if (file.language != Language::kCxx) return all;
  add(check_includes(file, public_headers));
  add(check_system_calls(file));
  add(check_conditionals(file));
  add(check_function_length(file));
  add(check_header_comment(file));
  add(check_public_docs(file));
  add(check_bool_defaults(file));
  add(check_suppressions(file));
  return all;
}

}  // namespace terrace::lint
