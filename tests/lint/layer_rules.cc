// SPDX-License-Identifier: Apache-2.0
// Rules about who may see what: layers, the kernel, the preprocessor.
#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include "tests/lint/allow_list.h"
#include "tests/lint/rules.h"

namespace terrace::lint {
namespace {

constexpr std::array<std::string_view, 3> kOutside = {"bench", "docs", "tests"};

constexpr std::array<std::string_view, 14> kKernelHeaders = {
    "dirent.h", "fcntl.h",     "ftw.h",     "mqueue.h",  "numaif.h",   "poll.h",   "sched.h",
    "spawn.h",  "sys/types.h", "syscall.h", "termios.h", "ucontext.h", "unistd.h", "wait.h"};
constexpr std::array<std::string_view, 4> kKernelFolders = {"asm/", "asm-generic/", "linux/",
                                                            "sys/"};
// Types, no calls.
constexpr std::string_view kHarmlessHeader = "sys/types.h";

// Names that nothing else bears: found however they are written.
constexpr std::array<std::string_view, 22> kCalls = {"epoll_create1",
                                                     "epoll_ctl",
                                                     "epoll_wait",
                                                     "eventfd",
                                                     "ioctl",
                                                     "madvise",
                                                     "mbind",
                                                     "memfd_create",
                                                     "mlock",
                                                     "mmap",
                                                     "move_pages",
                                                     "mprotect",
                                                     "mremap",
                                                     "munmap",
                                                     "posix_spawn",
                                                     "prctl",
                                                     "process_vm_readv",
                                                     "sched_setaffinity",
                                                     "set_mempolicy",
                                                     "syscall",
                                                     "sysconf",
                                                     "userfaultfd"};
// Names that members bear as well: found when they are written with a leading `::`.
constexpr std::array<std::string_view, 16> kQualifiedCalls = {
    "close", "dup2",   "execve", "fork", "fstat", "getpid", "kill",   "lseek",
    "open",  "openat", "pipe2",  "poll", "pread", "read",   "unlink", "write"};

template <std::size_t N>
bool contains(const std::array<std::string_view, N>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

std::string_view top_folder(std::string_view path) {
  return path.substr(0, path.find('/'));
}

/// Position among the layers, lowest first; nothing for files outside them.
std::optional<std::size_t> layer_of(std::string_view path) {
  const auto found = std::find(kLayers.begin(), kLayers.end(), top_folder(path));
  if (found == kLayers.end()) return std::nullopt;
  return static_cast<std::size_t>(found - kLayers.begin());
}

bool in_os_folder(std::string_view path) {
  return path.find("/os/") != std::string_view::npos;
}

struct Include {
  std::string_view target;
  bool quoted = false;
};

/// From the line as written, since the blanked one has lost what stands in quotes.
std::optional<Include> include_of(std::string_view line) {
  constexpr std::string_view kDirective = "#include ";
  if (!line.starts_with(kDirective)) return std::nullopt;
  line.remove_prefix(kDirective.size());
  if (line.empty() || (line[0] != '"' && line[0] != '<')) return std::nullopt;
  const std::size_t end = line.find(line[0] == '"' ? '"' : '>', 1);
  return Include{line.substr(1, end - 1), line[0] == '"'};
}

bool is_kernel_header(std::string_view header) {
  if (header == kHarmlessHeader) return false;
  return contains(kKernelHeaders, header) ||
         std::any_of(kKernelFolders.begin(), kKernelFolders.end(),
                     [&](std::string_view folder) { return header.starts_with(folder); });
}

bool is_allowed(std::string_view path, std::string_view what) {
  return std::any_of(kAllowed.begin(), kAllowed.end(), [&](const Allowed& allowed) {
    return allowed.path == path && allowed.what == what;
  });
}

/// Where an include leads, from the root; empty for the system's headers.
std::string target_path(const Include& include, const std::vector<std::string>& public_headers) {
  if (include.quoted) return std::string(include.target);
  const std::string tail = "/include/" + std::string(include.target);
  for (const std::string& header : public_headers) {
    if (header.ends_with(tail)) return header;
  }
  return {};
}

enum class Qualifier : unsigned char { kNone, kGlobal, kOther };

/// What stands before the name at `begin`: nothing, a bare `::`, or an object or namespace.
Qualifier qualifier_of(std::string_view line, std::size_t begin) {
  const std::string_view before = line.substr(0, begin);
  if (before.ends_with('.') || before.ends_with("->")) return Qualifier::kOther;
  if (!before.ends_with("::")) return Qualifier::kNone;
  const bool named =
      before.size() > 2 && (is_word(before[before.size() - 3]) || before[before.size() - 3] == '>');
  return named ? Qualifier::kOther : Qualifier::kGlobal;
}

bool is_system_call(std::string_view name, Qualifier qualifier) {
  if (qualifier == Qualifier::kOther) return false;
  if (contains(kCalls, name)) return true;
  return qualifier == Qualifier::kGlobal && contains(kQualifiedCalls, name);
}

/// Names followed by `(` in one line that are system calls.
std::vector<std::string> calls_in(std::string_view line) {
  std::vector<std::string> calls;
  for (std::size_t at = 0; at < line.size();) {
    if (!is_word(line[at])) {
      ++at;
      continue;
    }
    std::size_t end = at;
    while (end < line.size() && is_word(line[end])) ++end;
    const std::string_view name = line.substr(at, end - at);
    if (end < line.size() && line[end] == '(' && is_system_call(name, qualifier_of(line, at))) {
      calls.emplace_back(name);
    }
    at = end;
  }
  return calls;
}

}  // namespace

Findings check_includes(const SourceFile& file, const std::vector<std::string>& public_headers) {
  Findings findings;
  const auto own = layer_of(file.path);
  for (std::size_t i = 0; i < file.lines.size(); ++i) {
    const auto include = include_of(file.lines[i]);
    if (!include) continue;
    const std::string target = target_path(*include, public_headers);
    const auto other = layer_of(target);
    const bool known_root = other || contains(kOutside, top_folder(target));
    // An example is a project of its own.
    const bool example = top_folder(file.path) == "docs";
    if (include->quoted && !known_root && !example) {
      findings.push_back({file.path, i + 1, "include-form",
                          "\"" + target + "\" is not written from the repository's root"});
    }
    const bool outward = contains(kOutside, top_folder(target));
    if (own && ((other && *other > *own) || outward)) {
      findings.push_back({file.path, i + 1, "upward-include",
                          std::string(kLayers[*own]) + " must not know " + target});
    }
  }
  return findings;
}

Findings check_system_calls(const SourceFile& file) {
  Findings findings;
  if (!layer_of(file.path) || in_os_folder(file.path)) return findings;
  const auto report = [&](std::size_t line, std::string_view what, const char* kind) {
    if (is_allowed(file.path, what)) return;
    findings.push_back({file.path, line, "system-call",
                        std::string(kind) + " " + std::string(what) +
                            " outside an os/ folder; move it there or use what is there"});
  };
  for (std::size_t i = 0; i < file.lines.size(); ++i) {
    if (const auto include = include_of(file.lines[i])) {
      if (!include->quoted && is_kernel_header(include->target)) {
        report(i + 1, include->target, "header");
      }
      continue;
    }
    for (const std::string& call : calls_in(file.code[i])) report(i + 1, call, "call of");
  }
  return findings;
}

Findings check_conditionals(const SourceFile& file) {
  Findings findings;
  if (in_os_folder(file.path)) return findings;
  const bool for_c_as_well = file.path.ends_with(".h") && !in_sources_of_a_layer(file.path);
  for (std::size_t i = 0; i < file.code.size(); ++i) {
    const std::string& line = file.code[i];
    if (!line.starts_with("#if") && !line.starts_with("#elif")) continue;
    // A header that C programs include has to say which parts are for C++.
    if (for_c_as_well && line == "#ifdef __cplusplus") continue;
    findings.push_back({file.path, i + 1, "conditional",
                        "preprocessor condition outside an os/ folder; let CMake pick a file"});
  }
  return findings;
}

}  // namespace terrace::lint
