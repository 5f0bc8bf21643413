// SPDX-License-Identifier: Apache-2.0
// Rules about what declarations say to their readers: a header's opening, the documentation of what
// is exported, parameters that switch.
#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

#include "tests/lint/rules.h"

namespace terrace::lint {
namespace {

// What a header's reader may use begins a line so. `[[` is an attribute's.
constexpr std::array<std::string_view, 10> kPublic = {
    "TERRACE_API ", "class ", "struct ", "enum ",      "template ",
    "typedef ",     "using ", "inline ", "constexpr ", "[["};

// Words by which openings say it, in small letters. What is resident is called under the runtime's
// lock or by its one thread, and has no heap.
constexpr std::array<std::string_view, 5> kWordsForBoth = {"constant", "macro", "plain", "pure",
                                                           "resident"};
constexpr std::array<std::string_view, 7> kThreadWords = {
    "thread", "lock", "owner", "at a time", "side by side", "serialised", "caller"};
constexpr std::array<std::string_view, 2> kAllocationWords = {"alloc", "heap"};

bool is_header(std::string_view path) {
  return path.ends_with(".h") || path.ends_with(".hpp");
}

/// The comment before the first line that is none, without line ends, in small letters.
std::string opening_of(const SourceFile& file) {
  std::string text;
  for (const std::string& line : file.lines) {
    if (!line.starts_with("//")) break;
    text += line.substr(2);
  }
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

template <std::size_t N>
bool has_any(std::string_view text, const std::array<std::string_view, N>& words) {
  return std::any_of(words.begin(), words.end(),
                     [text](std::string_view word) { return text.find(word) != text.npos; });
}

template <std::size_t N>
bool begins_with_any(std::string_view line, const std::array<std::string_view, N>& words) {
  return std::any_of(words.begin(), words.end(),
                     [line](std::string_view word) { return line.starts_with(word); });
}

/// `bool name = true` or `false`, followed by what ends a parameter.
bool is_switch(std::string_view text) {
  const std::size_t is = text.find(" = ");
  if (is == std::string_view::npos || text.substr(0, is).find_first_of(" ,();{") != text.npos) {
    return false;
  }
  text.remove_prefix(is + 3);
  for (const std::string_view value : {"true", "false"}) {
    if (text.starts_with(value)) text.remove_prefix(value.size());
  }
  return text.starts_with(',') || text.starts_with(')');
}

/// A `bool` that opens a line goes on with the parentheses of the one before, or is a statement,
/// which ends with a semicolon and no parenthesis before it.
bool has_switch(std::string_view line) {
  constexpr std::string_view kBool = "bool ";
  for (std::size_t at = line.find(kBool); at != line.npos; at = line.find(kBool, at + 1)) {
    const std::string_view before = line.substr(0, at);
    const bool begins = before.find_first_not_of(' ') == before.npos;
    const bool parameter = before.ends_with('(') || before.ends_with(", ") || begins;
    if (parameter && is_switch(line.substr(at + kBool.size()))) return true;
  }
  return false;
}

}  // namespace

Findings check_header_comment(const SourceFile& file) {
  if (!is_header(file.path)) return {};
  if (file.lines.size() < 2 || !file.lines[1].starts_with("// ")) {
    return {
        {file.path, 2, "header-comment",
         "says nothing about itself; what it is for, where it stands, thread-safety, allocation"}};
  }
  if (!in_sources_of_a_layer(file.path)) return {};
  const std::string opening = opening_of(file);
  if (has_any(opening, kWordsForBoth)) return {};
  Findings findings;
  if (!has_any(opening, kThreadWords)) {
    findings.push_back({file.path, 2, "header-comment", "does not say which threads may use it"});
  }
  if (!has_any(opening, kAllocationWords)) {
    findings.push_back({file.path, 2, "header-comment", "does not say whether it may allocate"});
  }
  return findings;
}

Findings check_public_docs(const SourceFile& file) {
  if (!is_header(file.path) || file.path.find("/include/terrace/") == std::string::npos) return {};
  Findings findings;
  bool said = false;  // of the block of lines, up to the next blank one
  for (std::size_t i = 0; i < file.lines.size(); ++i) {
    const std::string& line = file.lines[i];
    if (line.empty()) said = false;
    if (line.starts_with("//")) said = true;
    if (said || !begins_with_any(line, kPublic)) continue;
    findings.push_back({file.path, i + 1, "public-docs",
                        "public and not documented; units, ownership, errors, threads, cost"});
    said = true;  // a template's own line, or what stands with the first
  }
  return findings;
}

Findings check_bool_defaults(const SourceFile& file) {
  Findings findings;
  for (std::size_t i = 0; i < file.code.size(); ++i) {
    if (!has_switch(file.code[i])) continue;
    findings.push_back({file.path, i + 1, "bool-default",
                        "a bool parameter with a default is a switch; give the choice a name"});
  }
  return findings;
}

}  // namespace terrace::lint
