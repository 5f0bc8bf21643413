// SPDX-License-Identifier: Apache-2.0
#include "tiering/cli/os/private_folder.h"

#include <stdlib.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

namespace terrace::cli::os {

Result<PrivateFolder> PrivateFolder::make() {
  const char* const candidates[] = {getenv("XDG_RUNTIME_DIR"), getenv("TMPDIR"), "/tmp"};
  int why = 0;
  for (const char* folder : candidates) {
    // A relative folder would not mean the same to the program after it changed its own.
    if (folder == nullptr || folder[0] != '/') continue;
    std::string path = std::string(folder) + "/terrace-XXXXXX";
    if (mkdtemp(path.data()) != nullptr) return PrivateFolder(std::move(path));
    why = errno;
  }
  return make_error(ErrorCode::kIo, why,
                    "no temporary folder: /tmp: %s; set TMPDIR to a folder "
                    "that you can write to",
                    std::strerror(why));
}

PrivateFolder::PrivateFolder(PrivateFolder&& other) noexcept
    : path_(std::exchange(other.path_, {})) {}

PrivateFolder& PrivateFolder::operator=(PrivateFolder&& other) noexcept {
  std::swap(path_, other.path_);
  return *this;
}

PrivateFolder::~PrivateFolder() {
  std::error_code ignored;  // nobody is left to tell
  if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
}

}  // namespace terrace::cli::os
