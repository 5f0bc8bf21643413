// SPDX-License-Identifier: Apache-2.0
#include "tiering/cli/os/process_files.h"

#include <filesystem>
#include <fstream>

namespace terrace::cli::os {
namespace {

namespace fs = std::filesystem;

fs::path folder_of(pid_t pid) {
  return fs::path("/proc") / std::to_string(pid);
}

template <typename Visit>
void for_each_entry(const fs::path& folder, Visit visit) {
  std::error_code failed;
  fs::directory_iterator at(folder, failed);
  for (; !failed && at != fs::directory_iterator(); at.increment(failed)) visit(at->path());
}

}  // namespace

std::vector<std::string> open_files_of(pid_t pid) {
  std::vector<std::string> paths;
  for_each_entry(folder_of(pid) / "fd", [&](const fs::path& descriptor) {
    std::error_code failed;
    std::string path = fs::read_symlink(descriptor, failed).string();
    if (!failed && path.starts_with('/')) paths.push_back(std::move(path));
  });
  return paths;
}

std::vector<pid_t> children_of(pid_t pid) {
  std::vector<pid_t> children;
  for_each_entry(folder_of(pid) / "task", [&](const fs::path& thread) {
    std::ifstream list(thread / "children");
    for (pid_t child = 0; list >> child;) children.push_back(child);
  });
  return children;
}

}  // namespace terrace::cli::os
