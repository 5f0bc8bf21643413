// SPDX-License-Identifier: Apache-2.0
// What tests of a pool need: a folder that goes when the test ends, files in it, memory to map at.
#pragma once

#include <gtest/gtest.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>

#include "allocators/backing/block_pool.h"
#include "allocators/os/mapping.h"

namespace terrace::testing_support {

class Folder {
 public:
  Folder() {
    std::string name = testing::TempDir() + "/terrace_pool_XXXXXX";
    if (mkdtemp(name.data()) == nullptr) {
      ADD_FAILURE() << name << ": " << std::strerror(errno);
    }
    path_ = name;
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  const std::string& path() const { return path_; }
  /// A sparse file of so many blocks and bytes.
  std::string file(const std::string& name, std::uint64_t blocks, std::uint64_t bytes = 0) const {
    const std::string path = path_ + "/" + name;
    std::ofstream(path).flush();
    std::filesystem::resize_file(path, (blocks << kBlockShift) + bytes);
    return path;
  }

 private:
  std::string path_;
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
