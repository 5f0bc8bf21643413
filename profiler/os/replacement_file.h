// SPDX-License-Identifier: Apache-2.0
// A second version of a file, written beside it and put in its place in one step, or gone without a
// trace. Owner and group are those of the file that it replaces, the mode is 600.
// Not thread-safe; allocates.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include <terrace/result.h>
#include <terrace/units.h>

namespace terrace::os {

class ReplacementFile {
 public:
  /// Errors: kUsage when `path` itself is no regular file (a link is none), kIo with the reason.
  static Result<ReplacementFile> beside(const std::string& path);
  /// One that becomes `path`, where nothing or any regular file may be; owned as `like` is.
  static Result<ReplacementFile> named(const std::string& path, const std::string& like);
  ReplacementFile(ReplacementFile&& other) noexcept;
  ReplacementFile& operator=(ReplacementFile&&) = delete;
  ~ReplacementFile();

  Status write(const void* data, std::size_t size);
  /// Error kIo, with the old file in its place: also when that is another or longer one by now.
  Status replace();

  Bytes written() const { return written_; }
  Bytes replaced_size() const { return Bytes(identity_.size); }

 private:
  struct Identity {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::uint64_t size = 0;
    bool operator==(const Identity&) const = default;
  };
  ReplacementFile(std::string path, const Identity& identity)
      : path_(std::move(path)), identity_(identity) {}
  Error failed(int why) const;
  Status make(const std::string& like);

  std::string path_;
  std::string beside_;  ///< empty: nothing to remove
  Identity identity_;   ///< of the file at path_ when it was begun
  bool replaces_any_ = false;
  Bytes written_;
  int fd_ = -1;
};

/// Does a process on this machine hold the file open as an AppendFile? False too where the file
/// system knows no locks.
bool is_written_to(const std::string& path);

}  // namespace terrace::os
