// SPDX-License-Identifier: Apache-2.0
// What the GGUF parser reads from: bytes in order, of a file or of memory, never past their end.
// One thread; does not allocate.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstring>

namespace terrace::model {

class GgufInput {
 public:
  GgufInput(std::FILE* file, std::uint64_t size) : file_(file), size_(size) {}
  GgufInput(const void* data, std::uint64_t size)
      : data_(static_cast<const unsigned char*>(data)), size_(size) {}

  std::uint64_t position() const { return position_; }
  std::uint64_t size() const { return size_; }
  std::uint64_t left() const { return size_ - position_; }

  bool read(void* to, std::uint64_t bytes) {
    if (bytes > left()) return false;
    if (bytes == 0) return true;
    if (file_ != nullptr && std::fread(to, 1, bytes, file_) != bytes) return false;
    if (file_ == nullptr) std::memcpy(to, data_ + position_, bytes);
    position_ += bytes;
    return true;
  }

  bool skip(std::uint64_t bytes) {
    if (bytes > left()) return false;
    // fseek drops stdio's buffer: for the hundred thousand short strings of a vocabulary it is
    // cheaper to read on.
    char scratch[512];
    if (file_ != nullptr && bytes <= sizeof scratch) return read(scratch, bytes);
    if (file_ != nullptr && std::fseek(file_, static_cast<long>(bytes), SEEK_CUR) != 0) {
      return false;
    }
    position_ += bytes;
    return true;
  }

 private:
  std::FILE* file_ = nullptr;
  const unsigned char* data_ = nullptr;
  std::uint64_t size_ = 0;
  std::uint64_t position_ = 0;
};

}  // namespace terrace::model
