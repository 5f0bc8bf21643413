// SPDX-License-Identifier: Apache-2.0
// What tests of a pool need: a folder that goes when the test ends, files in it, memory to map at.
#pragma once

#include <filesystem>
#include <string>

#include "allocators/backing/block_pool.h"
#include "allocators/os/mapping.h"
#include "tests/temporary_folder.h"

namespace terrace::testing_support {

class Folder : public TemporaryFolder {
 public:
  /// A sparse file of so many blocks and bytes.
  std::string file(const std::string& name, std::uint64_t blocks, std::uint64_t bytes = 0) const {
    const std::string path = write(name, "");
    std::filesystem::resize_file(path, (blocks << kBlockShift) + bytes);
    return path;
  }
};

/// Address space at a whole block for a run to be mapped at; unmapped with the object.
class Room {
 public:
  explicit Room(std::uint32_t blocks)
      : size_(Bytes(std::uint64_t{blocks} << kBlockShift)),
        at_(static_cast<char*>(os::reserve_address_space(size_))) {}
  ~Room() { os::unmap(at_, size_); }
  Room(const Room&) = delete;
  Room& operator=(const Room&) = delete;
  char* at() const { return at_; }

 private:
  Bytes size_;
  char* at_;
};

}  // namespace terrace::testing_support
