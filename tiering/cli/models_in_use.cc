// SPDX-License-Identifier: Apache-2.0
#include "tiering/cli/models_in_use.h"

#include <filesystem>

#include "tiering/cli/os/process_files.h"
#include "tiering/names/os/file_facts.h"

namespace terrace::cli {
namespace {

// New processes are looked for less often than files: reading a thread list costs more.
constexpr unsigned kLooksForEachProcessList = 8;
constexpr std::size_t kMostProcesses = 256;
// Two seconds of looks every 20 ms, from the start and from each file that turns up: files of a set
// follow each other. Later a quarter of a second is enough, since a large file takes longer to
// read.
constexpr unsigned kEagerLooks = 100;
constexpr unsigned kCallsForEachLateLook = 12;

std::vector<pid_t> family_of(pid_t program) {
  std::vector<pid_t> family{program};
  for (std::size_t i = 0; i < family.size() && family.size() < kMostProcesses; ++i) {
    for (const pid_t child : os::children_of(family[i])) family.push_back(child);
  }
  return family;
}

}  // namespace

void ModelsInUse::add(const std::string& path) {
  if (!looked_at_.insert(path).second || !names::is_model_file(path)) return;
  auto facts = names::os::facts_of(path);
  if (!facts) return;
  files_.emplace(path, std::move(*facts));
  quiet_calls_ = 0;
}

void ModelsInUse::add_arguments(const std::vector<std::string>& command) {
  for (const std::string& argument : command) {
    const std::string path = argument.substr(argument.find('=') + 1);  // npos + 1 is 0
    std::error_code failed;
    const auto whole = std::filesystem::absolute(path, failed);
    if (!failed && names::looks_like_model(path)) add(whole.lexically_normal().string());
  }
}

void ModelsInUse::look(pid_t program) {
  if (++quiet_calls_ > kEagerLooks && quiet_calls_ % kCallsForEachLateLook != 0) return;
  if (looks_++ % kLooksForEachProcessList == 0) processes_ = family_of(program);
  for (const pid_t process : processes_) {
    for (const std::string& path : os::open_files_of(process)) add(path);
  }
}

std::vector<names::SeenModel> ModelsInUse::seen() const {
  std::vector<names::SeenModel> all;
  for (const auto& [path, file] : files_) all.push_back({file});
  return all;
}

}  // namespace terrace::cli
