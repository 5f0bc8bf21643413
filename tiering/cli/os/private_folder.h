// SPDX-License-Identifier: Apache-2.0
// A folder that only this user can look into, for the flat file of one run; it and what is in it
// are gone when the object is. Not thread-safe; allocates.
#pragma once

#include <string>

#include <terrace/result.h>

namespace terrace::cli::os {

class PrivateFolder {
 public:
  /// In the first of $XDG_RUNTIME_DIR, $TMPDIR and /tmp that can be written to.
  /// Error kIo: in none of them; the message names the last.
  static Result<PrivateFolder> make();
  PrivateFolder(PrivateFolder&& other) noexcept;
  PrivateFolder& operator=(PrivateFolder&& other) noexcept;
  ~PrivateFolder();

  const std::string& path() const { return path_; }

 private:
  explicit PrivateFolder(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

}  // namespace terrace::cli::os
