// SPDX-License-Identifier: Apache-2.0
// Reads the header of a safetensors file: names, types, shapes and places of its tensors. Format: a
// 64-bit length, so many bytes of JSON, then the data. Input is untrusted. Thread-safe; allocates.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <terrace/result.h>

namespace terrace::model {

struct SafetensorsTensor {
  std::string name;
  std::string dtype;                 ///< as in the file: "BF16", "F8_E4M3"
  std::vector<std::uint64_t> shape;  ///< rows first, as PyTorch counts
  std::uint64_t offset = 0;          ///< from the start of the file
  std::uint64_t bytes = 0;
};

struct SafetensorsHeader {
  std::uint64_t file_bytes = 0;
  std::vector<SafetensorsTensor> tensors;  ///< by name
};

/// Errors: kIo when the file cannot be read; kUsage with the offset or tensor, reason and remedy
/// for one that is damaged or cut short.
Result<SafetensorsHeader> read_safetensors_header(const std::string& path);
/// From the first `size` bytes of a file of `file_bytes`, which hold its header at least.
Result<SafetensorsHeader> parse_safetensors_header(const void* data, std::uint64_t size,
                                                   std::uint64_t file_bytes,
                                                   const std::string& name);

/// Files that an index names (model.safetensors.index.json), each once, by name. `name` is for
/// messages; a name with a folder in it is refused.
Result<std::vector<std::string>> parse_safetensors_index(const std::string& text,
                                                         const std::string& name);

/// What config.json beside the weights says of the shape.
struct ModelConfig {
  std::vector<std::pair<std::string, std::uint64_t>> integers;
  std::vector<std::pair<std::string, std::string>> strings;
  std::uint64_t get(const std::string& key, std::uint64_t otherwise) const;
  std::string text(const std::string& key) const;  ///< empty: not said
};
Result<ModelConfig> parse_model_config(const std::string& text, const std::string& name);

}  // namespace terrace::model
