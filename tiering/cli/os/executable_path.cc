// SPDX-License-Identifier: Apache-2.0
#include "tiering/cli/os/executable_path.h"

#include <unistd.h>

#include <climits>

namespace terrace::cli::os {

std::string executable_path() {
  char path[PATH_MAX];
  const ssize_t length = readlink("/proc/self/exe", path, sizeof path);
  return length > 0 ? std::string(path, static_cast<std::size_t>(length)) : std::string();
}

bool readable(const std::string& path) {
  return access(path.c_str(), R_OK) == 0;
}

}  // namespace terrace::cli::os
