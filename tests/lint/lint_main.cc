// SPDX-License-Identifier: Apache-2.0
// terrace_lint ROOT: applies the rules to every source of the project. Prints one line a finding
// and exits with 1 when there are any.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>

#include "tests/lint/allow_list.h"
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

std::vector<SourceFile> read_sources(const fs::path& root) {
  std::vector<SourceFile> sources;
  const auto add = [&](const fs::path& path) {
    const auto language = language_of(path);
    if (!language) return;
    sources.push_back(parse_source(fs::relative(path, root).string(), *language, read_text(path)));
  };
  for (const char* folder : kSourceFolders) {
    if (!fs::is_directory(root / folder)) continue;
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(root / folder)) {
      if (entry.is_regular_file() && !entry.is_symlink()) add(entry.path());
    }
  }
  add(root / "CMakeLists.txt");
  std::sort(sources.begin(), sources.end(),
            [](const SourceFile& a, const SourceFile& b) { return a.path < b.path; });
  return sources;
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

Findings check_documents(const fs::path& root) {
  std::vector<fs::path> documents = {root / "README.md", root / "CHANGELOG.md"};
  for (const char* folder : kSourceFolders) {
    if (!fs::is_directory(root / folder)) continue;
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(root / folder)) {
      if (entry.is_regular_file() && entry.path().extension() == ".md") {
        documents.push_back(entry.path());
      }
    }
  }
  Findings findings;
  const auto exists = [&root](const std::string& path) { return fs::exists(root / path); };
  for (const fs::path& path : documents) {
    const SourceFile document =
        parse_source(fs::relative(path, root).string(), Language::kScript, read_text(path));
    const Findings found = check_named_paths(document, exists);
    findings.insert(findings.end(), found.begin(), found.end());
  }
  return findings;
}

int run(const fs::path& root) {
  const std::vector<SourceFile> sources = read_sources(root);
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
  const Findings unknown_paths = check_documents(root);
  findings.insert(findings.end(), unknown_paths.begin(), unknown_paths.end());
  for (const char* const document : {"docs/failures.md", "docs/compatibility.md"}) {
    const Findings unnamed = check_named_tests(
        parse_source(document, Language::kScript, read_text(root / document)), sources);
    findings.insert(findings.end(), unnamed.begin(), unnamed.end());
  }
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
