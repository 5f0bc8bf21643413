// SPDX-License-Identifier: Apache-2.0
// A folder of its own for a test, which goes with it. Allocates.
#pragma once

#include <gtest/gtest.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

namespace terrace::testing_support {

class TemporaryFolder {
 public:
  explicit TemporaryFolder(const std::filesystem::path& parent = testing::TempDir())
      : path_((parent / "terrace-test-XXXXXX").string()) {
    if (mkdtemp(path_.data()) == nullptr) ADD_FAILURE() << path_ << ": " << std::strerror(errno);
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::string& path() const { return path_; }
  /// The path of what has this name in it; nothing is made.
  std::string in(const std::string& name) const { return path_ + "/" + name; }
  /// A file of this content; `name` may name a folder in it, "tiers/a.toml". Returns its path.
  std::string write(const std::string& name, std::string_view content) const {
    const std::filesystem::path file = in(name);
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << content;
    return file.string();
  }

 private:
  std::string path_;
};

}  // namespace terrace::testing_support
