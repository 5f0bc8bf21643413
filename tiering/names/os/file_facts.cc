// SPDX-License-Identifier: Apache-2.0
#include "tiering/names/os/file_facts.h"

#include <sys/stat.h>

namespace terrace::names::os {

std::optional<session::NamesFile> facts_of(const std::string& path) {
  struct stat facts {};
  if (::stat(path.c_str(), &facts) != 0 || !S_ISREG(facts.st_mode)) return std::nullopt;
  session::NamesFile file;
  file.path = path;
  file.device = facts.st_dev;
  file.inode = facts.st_ino;
  file.size_bytes = static_cast<std::uint64_t>(facts.st_size);
  file.changed_ns = std::int64_t{facts.st_mtim.tv_sec} * 1'000'000'000 + facts.st_mtim.tv_nsec;
  return file;
}

}  // namespace terrace::names::os
