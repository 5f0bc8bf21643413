// SPDX-License-Identifier: Apache-2.0
// Writes tiny GGUF files for the tests of their reader. Allocates.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace terrace::fixture {

class GgufBytes {
 public:
  template <typename T>
  GgufBytes& number(T value) {
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
    return *this;
  }
  GgufBytes& text(const std::string& value) {
    number<std::uint64_t>(value.size());
    bytes_ += value;
    return *this;
  }
  GgufBytes& preamble(std::uint64_t tensors, std::uint64_t pairs, std::uint32_t version = 3) {
    bytes_ += "GGUF";
    return number(version).number(tensors).number(pairs);
  }
  GgufBytes& string_pair(const std::string& key, const std::string& value) {
    return text(key).number<std::uint32_t>(8).text(value);
  }
  GgufBytes& u32_pair(const std::string& key, std::uint32_t value) {
    return text(key).number<std::uint32_t>(4).number(value);
  }
  GgufBytes& tensor(const std::string& name, const std::vector<std::uint64_t>& shape,
                    std::uint32_t type, std::uint64_t offset) {
    text(name).number(static_cast<std::uint32_t>(shape.size()));
    for (std::uint64_t length : shape) number(length);
    return number(type).number(offset);
  }
  /// Pads to the alignment and appends the data section.
  GgufBytes& data(std::size_t bytes, std::size_t alignment = 32) {
    bytes_.resize((bytes_.size() + alignment - 1) / alignment * alignment);
    bytes_.resize(bytes_.size() + bytes, '\x5a');
    return *this;
  }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

/// Two tensors of two types, with a vocabulary, a nested array and each kind of number.
inline std::string tiny_gguf() {
  GgufBytes file;
  file.preamble(2, 9);
  file.string_pair("general.architecture", "llama").u32_pair("llama.block_count", 22);
  file.u32_pair("general.alignment", 64);
  file.text("f").number<std::uint32_t>(6).number<float>(0.5f);
  file.text("negative").number<std::uint32_t>(5).number<std::int32_t>(-3);
  file.text("flag").number<std::uint32_t>(7).number<std::uint8_t>(1);
  file.text("vocabulary").number<std::uint32_t>(9).number<std::uint32_t>(8);
  file.number<std::uint64_t>(2).text("a").text("bc");
  file.text("scores").number<std::uint32_t>(9).number<std::uint32_t>(6);
  file.number<std::uint64_t>(2).number<float>(1).number<float>(2);
  file.text("nested").number<std::uint32_t>(9).number<std::uint32_t>(9).number<std::uint64_t>(1);
  file.number<std::uint32_t>(0).number<std::uint64_t>(3).number<std::uint8_t>(1);
  file.number<std::uint8_t>(2).number<std::uint8_t>(3);
  file.tensor("output.weight", {64, 4}, 2, 0);         // Q4_0: 8 blocks of 18 bytes, 144 bytes
  file.tensor("blk.0.attn_norm.weight", {8}, 0, 192);  // F32: 32 bytes
  return file.data(192 + 32, 64).bytes();
}

}  // namespace terrace::fixture
