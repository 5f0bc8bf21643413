// SPDX-License-Identifier: Apache-2.0
#include "tiering/cli/os/probe_support.h"

#include <string.h>
#include <sys/mman.h>

#include <filesystem>
#include <fstream>

namespace terrace::cli::os {

ProbeMapping::ProbeMapping(int fd, std::size_t bytes) : bytes_(bytes) {
  const int flags = fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED;
  void* const at = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, flags, fd, 0);
  if (at != MAP_FAILED) at_ = static_cast<char*>(at);
}

ProbeMapping::~ProbeMapping() {
  // Cannot fail for a mapping that mmap returned whole.
  if (at_ != nullptr) munmap(at_, bytes_);
}

std::string first_line(const std::string& path) {
  std::ifstream stream(path);
  std::string line;
  std::getline(stream, line);
  return line;
}

int entries_in(const std::string& folder) {
  std::error_code failed;
  const std::filesystem::directory_iterator entries(folder, failed);
  if (failed) return -1;
  return static_cast<int>(std::distance(begin(entries), end(entries)));
}

std::string reason(int error) {
  const char* const name = strerrorname_np(error);
  return std::string(name == nullptr ? "error" : name) + " (" + strerror(error) + ")";
}

}  // namespace terrace::cli::os
