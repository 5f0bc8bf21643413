// SPDX-License-Identifier: Apache-2.0
#include "tests/lint/documents.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <string_view>

namespace terrace::lint {
namespace {

namespace fs = std::filesystem;

struct Link {
  std::size_t line = 0;  ///< from 1
  std::string path;      ///< from the root
  std::string heading;   ///< as its address has it; empty: the whole file
  std::string text;      ///< as it is written
};

bool is_fence(std::string_view line) {
  const std::size_t begin = line.find_first_not_of(' ');
  return begin != line.npos && line.substr(begin).starts_with("```");
}

/// The lines with code blanked: fenced blocks, and what stands between backquotes, which may go on
/// in the next line and ends with its paragraph.
std::vector<std::string> prose_of(const SourceFile& document) {
  std::vector<std::string> prose;
  bool fenced = false;
  bool quoted = false;
  for (std::string line : document.lines) {
    const bool fence = is_fence(line);
    if (fence) fenced = !fenced;
    if (fence || fenced || line.empty()) quoted = false;
    for (char& letter : line) {
      if (letter == '`' && !fence && !fenced) quoted = !quoted;
      if (fence || fenced || quoted) letter = ' ';
    }
    prose.push_back(std::move(line));
  }
  return prose;
}

Link make_link(const std::string& from, std::size_t line, const std::string& text) {
  const std::size_t hash = text.find('#');
  const std::string file = text.substr(0, hash);
  const fs::path path = file.empty() ? fs::path(from) : fs::path(from).parent_path() / file;
  std::string target = path.lexically_normal().string();
  if (target.ends_with('/')) target.pop_back();
  return {line, target, hash == text.npos ? "" : text.substr(hash + 1), text};
}

std::vector<Link> links_of(const SourceFile& document) {
  constexpr std::string_view kOpen = "](";
  std::vector<Link> links;
  const std::vector<std::string> prose = prose_of(document);
  for (std::size_t i = 0; i < prose.size(); ++i) {
    std::size_t at = 0;
    while ((at = prose[i].find(kOpen, at)) != std::string::npos) {
      at += kOpen.size();
      const std::string text = prose[i].substr(at, prose[i].find(')', at) - at);
      if (text.find("://") != text.npos) continue;
      links.push_back(make_link(document.path, i + 1, text));
    }
  }
  return links;
}

/// A heading's address: small letters, digits and hyphens; blanks become hyphens, the rest goes.
std::string address_of(std::string_view heading) {
  std::string address;
  for (const char letter : heading.substr(heading.find_first_not_of("# "))) {
    const auto code = static_cast<unsigned char>(letter);
    if (letter == ' ') address += '-';
    if (std::isalnum(code) != 0 || code >= 0x80 || letter == '-' || letter == '_') {
      address += static_cast<char>(std::tolower(code));
    }
  }
  return address;
}

bool has_heading(const SourceFile& document, const std::string& address) {
  bool fenced = false;
  return std::any_of(document.lines.begin(), document.lines.end(), [&](const std::string& line) {
    if (is_fence(line)) fenced = !fenced;
    const bool heading = line.starts_with('#') && line.find_first_not_of("# ") != line.npos;
    return !fenced && heading && address_of(line) == address;
  });
}

const SourceFile* find_document(const Documents& all, const std::string& path) {
  const auto found =
      std::find_if(all.documents.begin(), all.documents.end(),
                   [&](const SourceFile& document) { return document.path == path; });
  return found == all.documents.end() ? nullptr : &*found;
}

/// The file of this path, or all files of this folder.
std::vector<std::string> files_at(const Documents& all, const std::string& path) {
  if (all.files.contains(path)) return {path};
  const std::string folder = path + "/";
  std::vector<std::string> files;
  for (auto file = all.files.lower_bound(folder);
       file != all.files.end() && file->starts_with(folder); ++file) {
    files.push_back(*file);
  }
  return files;
}

std::string fault_of(const Documents& all, const Link& link) {
  if (files_at(all, link.path).empty()) return "there is no " + link.path;
  if (link.heading.empty()) return {};
  const SourceFile* const document = find_document(all, link.path);
  if (document != nullptr && has_heading(*document, link.heading)) return {};
  return link.path + " has no heading " + link.heading;
}

}  // namespace

Findings check_links(const Documents& all) {
  Findings findings;
  for (const SourceFile& document : all.documents) {
    for (const Link& link : links_of(document)) {
      const std::string fault = fault_of(all, link);
      if (fault.empty()) continue;
      findings.push_back({document.path, link.line, "link", link.text + ": " + fault});
    }
  }
  return findings;
}

Findings check_reachable(const std::string& index, const Documents& all) {
  std::set<std::string> reached = {index};
  std::vector<std::string> unread = {index};
  while (!unread.empty()) {
    const SourceFile* const document = find_document(all, unread.back());
    unread.pop_back();
    if (document == nullptr) continue;
    for (const Link& link : links_of(*document)) {
      for (const std::string& file : files_at(all, link.path)) {
        if (reached.insert(file).second) unread.push_back(file);
      }
    }
  }
  Findings findings;
  for (const std::string& file : files_at(all, fs::path(index).parent_path().string())) {
    if (reached.contains(file)) continue;
    findings.push_back({file, 1, "unreached", "no link leads here from " + index});
  }
  return findings;
}

}  // namespace terrace::lint
