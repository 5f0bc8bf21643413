// SPDX-License-Identifier: Apache-2.0
// terrace_lint ROOT: applies the rules to every source and document of the project. Prints one line
// a finding and exits with 1 when there are any.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <set>

#include "tests/lint/allow_list.h"
#include "tests/lint/documents.h"
#include "tests/lint/rules.h"

namespace terrace::lint {
namespace {

namespace fs = std::filesystem;

std::optional<Language> language_of(const fs::path& path) {
  const std::string extension = path.extension().string();
  for (const char* code : {".cc", ".h", ".hpp", ".c"}) {
    if (extension == code) return Language::kCxx;
  }
  for (const char* script :
       {".sh", ".mjs", ".js", ".css", ".cmake", ".awk", ".in", ".map", ".1", ".3"}) {
    if (extension == script) return Language::kScript;
  }
  if (path.filename() == "CMakeLists.txt" || path.filename() == "run") return Language::kScript;
  return std::nullopt;
}

std::string read_text(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

constexpr const char* kSourceFolders[] = {"allocators", "profiler", "tiering", "bench",
                                          "tests",      "docs",     ".ci"};

bool is_own_file(const fs::directory_entry& entry) {
  return entry.is_regular_file() && !entry.is_symlink();
}

/// What the project consists of, in order of name; not what was built from it.
std::set<std::string> list_files(const fs::path& root) {
  std::set<std::string> files;
  const auto add = [&](const fs::directory_entry& entry) {
    if (is_own_file(entry)) files.insert(fs::relative(entry.path(), root).string());
  };
  for (const char* folder : kSourceFolders) {
    if (!fs::is_directory(root / folder)) continue;
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(root / folder)) {
      add(entry);
    }
  }
  for (const fs::directory_entry& entry : fs::directory_iterator(root)) add(entry);
  return files;
}

std::vector<SourceFile> read_sources(const fs::path& root, const std::set<std::string>& files) {
  std::vector<SourceFile> sources;
  for (const std::string& file : files) {
    const auto language = language_of(file);
    if (language) sources.push_back(parse_source(file, *language, read_text(root / file)));
  }
  return sources;
}

Findings check_documents(const fs::path& root, const std::set<std::string>& files,
                         const std::vector<SourceFile>& sources) {
  Documents all{{}, files};
  for (const std::string& file : files) {
    if (!file.ends_with(".md")) continue;
    all.documents.push_back(parse_source(file, Language::kScript, read_text(root / file)));
  }
  Findings findings = check_links(all);
  const std::set<std::string> words = words_of(sources);
  const auto add = [&findings](const Findings& found) {
    findings.insert(findings.end(), found.begin(), found.end());
  };
  add(check_reachable("docs/README.md", all));
  const auto exists = [&root](const std::string& path) { return fs::exists(root / path); };
  for (const SourceFile& document : all.documents) {
    add(check_named_paths(document, exists));
    if (document.path.starts_with("docs/life-of-")) add(check_named_symbols(document, words));
  }
  return findings;
}

/// An exception whose file or word is gone would silently cover the next one.
Findings check_allow_list(const std::vector<SourceFile>& sources) {
  Findings findings;
  for (const Allowed& allowed : kAllowed) {
    const bool used = std::any_of(sources.begin(), sources.end(), [&](const SourceFile& file) {
      return file.path == allowed.path &&
             std::any_of(file.lines.begin(), file.lines.end(), [&](const std::string& line) {
               return line.find(allowed.what) != std::string::npos;
             });
    });
    if (used) continue;
    findings.push_back({"tests/lint/allow_list.h", 1, "allow-list",
                        std::string(allowed.path) + " no longer has " + std::string(allowed.what) +
                            "; remove the entry"});
  }
  return findings;
}

int run(const fs::path& root) {
  const std::set<std::string> files = list_files(root);
  const std::vector<SourceFile> sources = read_sources(root, files);
  if (sources.empty()) {
    std::fprintf(stderr, "terrace_lint: %s: no sources there; give the repository's root\n",
                 root.c_str());
    return 2;
  }
  std::vector<std::string> public_headers;
  for (const SourceFile& file : sources) {
    if (file.path.find("/include/terrace/") != std::string::npos) {
      public_headers.push_back(file.path);
    }
  }
  Findings findings = check_allow_list(sources);
  for (const SourceFile& file : sources) {
    const Findings found = check_all(file, public_headers);
    findings.insert(findings.end(), found.begin(), found.end());
  }
  for (const char* const document : {"docs/failures.md", "docs/compatibility.md"}) {
    const Findings unnamed = check_named_tests(
        parse_source(document, Language::kScript, read_text(root / document)), sources);
    findings.insert(findings.end(), unnamed.begin(), unnamed.end());
  }
  const Findings lost = check_documents(root, files, sources);
  findings.insert(findings.end(), lost.begin(), lost.end());
  for (const Finding& finding : findings) {
    std::printf("%s:%zu: %s: %s\n", finding.path.c_str(), finding.line, finding.rule.c_str(),
                finding.text.c_str());
  }
  std::printf("%zu files, %zu findings\n", sources.size(), findings.size());
  return findings.empty() ? 0 : 1;
}

}  // namespace
}  // namespace terrace::lint

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: terrace_lint ROOT\n", stderr);
    return 2;
  }
  return terrace::lint::run(argv[1]);
}
