// SPDX-License-Identifier: Apache-2.0
// Function names of an ELF file (x86-64 or any other 64-bit little-endian one), from .symtab or,
// when that was stripped, .dynsym. Used offline to name the frames of a session.
// The file is untrusted: every offset and length is checked. A value is immutable once made and
// may be read by several threads; allocates.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace terrace::os {

class ElfSymbols {
 public:
  /// Empty when the file cannot be read or is no such ELF file.
  static ElfSymbols of_file(const std::string& path);
  static ElfSymbols of_image(const void* data, std::uint64_t size);

  /// The demangled function that holds `address` (an address in the file's own space);
  /// empty when there is none.
  std::string at(std::uint64_t address) const;
  bool empty() const { return symbols_.empty(); }

 private:
  struct Symbol {
    std::uint64_t begin;
    std::uint64_t size;
    std::uint64_t name;  ///< offset in names_
  };

  std::vector<Symbol> symbols_;  ///< ascending
  std::string names_;            ///< NUL-terminated
};

}  // namespace terrace::os
