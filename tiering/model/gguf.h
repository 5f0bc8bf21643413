// SPDX-License-Identifier: Apache-2.0
// Reads the header of a GGUF model file: which tensor lies where, and the few metadata that name
// the model and count its layers. Used to label heat by tensor and to tell a file that was cut
// short before an engine trips over it. Layout: the public GGUF specification, versions 2 and 3.
// Input is untrusted: every length is checked against what is left. Thread-safe; allocates.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <terrace/result.h>

namespace terrace::model {

/// How a tensor type packs its elements: `bytes` for each `elements` in a row.
struct GgufType {
  std::uint32_t id;
  std::string_view name;
  std::uint32_t elements;
  std::uint32_t bytes;
};

/// nullptr for an id that the format does not define (or no longer does).
const GgufType* gguf_type(std::uint32_t id);

struct GgufTensor {
  std::string name;
  std::vector<std::uint64_t> shape;  ///< row length first
  const GgufType* type = nullptr;
  std::uint64_t offset = 0;  ///< from the start of the file
  std::uint64_t bytes = 0;
};

struct GgufHeader {
  std::uint32_t version = 0;
  std::uint64_t data_offset = 0;  ///< where the tensors' data begin
  std::uint64_t file_bytes = 0;
  std::vector<GgufTensor> tensors;                ///< as listed in the file
  std::map<std::string, std::uint64_t> integers;  ///< non-negative whole numbers and booleans
  std::map<std::string, std::string> strings;
  /// Lists of non-negative whole numbers, up to 10,000 long: figures of each layer.
  std::map<std::string, std::vector<std::uint64_t>> integer_arrays;

  /// `<architecture>.block_count`; 0 when the file does not say.
  std::uint64_t layer_count() const;
  /// The tensor that holds the byte at `offset` of the file; nullptr: none does.
  const GgufTensor* tensor_at(std::uint64_t offset) const;
};

/// Errors: kIo when the file cannot be read; kUsage with the offset and what was expected there for
/// a file that is no GGUF, of another version, damaged or cut short.
Result<GgufHeader> read_gguf_header(const std::string& path);
/// The same from memory that holds the whole file; `name` is for messages.
Result<GgufHeader> parse_gguf_header(const void* data, std::uint64_t size, const std::string& name);

}  // namespace terrace::model
