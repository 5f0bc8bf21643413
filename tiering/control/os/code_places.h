// SPDX-License-Identifier: Apache-2.0
// Which module's code lies at an address of another process, for the call-sites that `terrace
// status` shows. /proc/PID/maps and the modules' files are read; both may say anything. A value is
// immutable once made, so that threads may share it; allocates.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace terrace::control::os {

struct CodePlace {
  std::string module;        ///< a path that can be read from here; empty: unknown
  std::uint64_t offset = 0;  ///< address in the file's own space, as symbols have it
};

class CodePlaces {
 public:
  /// Empty when the process's mappings cannot be read.
  static CodePlaces of(pid_t pid);

  CodePlace at(std::uint64_t address) const;

 private:
  struct Range {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
    std::uint64_t file_offset = 0;
    std::string path;
  };

  std::vector<Range> ranges_;
  std::string root_;  ///< the process's own root folder, as seen from here
};

/// The virtual address that an ELF file gives to the byte at `file_offset`; `file_offset` itself
/// when the file cannot be read or says nothing of it.
std::uint64_t virtual_address(const std::string& path, std::uint64_t file_offset);

}  // namespace terrace::control::os
