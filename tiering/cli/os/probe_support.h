// SPDX-License-Identifier: Apache-2.0
// What the probes share: one mapping that goes away by itself, small files of the kernel.
// Thread-safe; reading files allocates.
#pragma once

#include <cstddef>
#include <string>

namespace terrace::cli::os {

inline constexpr std::size_t kHugePage = std::size_t{2} << 20;

class ProbeMapping {
 public:
  /// Of `fd`, shared, or anonymous and private when fd is -1. Not valid: errno says why.
  ProbeMapping(int fd, std::size_t bytes);
  ~ProbeMapping();
  ProbeMapping(const ProbeMapping&) = delete;
  ProbeMapping& operator=(const ProbeMapping&) = delete;

  bool valid() const { return at_ != nullptr; }
  char* at() const { return at_; }
  /// Makes the kernel give it a page.
  void touch() const { *const_cast<volatile char*>(at_) = 1; }

 private:
  char* at_ = nullptr;
  std::size_t bytes_ = 0;
};

/// First line of a small file without its newline; empty when it cannot be read.
std::string first_line(const std::string& path);

/// Number of entries in a folder; -1 when there is no such folder.
int entries_in(const std::string& folder);

/// "EPERM (Operation not permitted)".
std::string reason(int error);

}  // namespace terrace::cli::os
