// SPDX-License-Identifier: Apache-2.0
// Writes a GGUF version 3 file: metadata, tensor table, then the tensors' data in one stream.
// Used by make_model; the format is ggml's docs/gguf.md. Not thread-safe; allocates.
#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace terrace::bench {

/// ggml's numbers for the element types that are written here.
enum class GgmlType : std::uint32_t { kF32 = 0, kQ4_0 = 2, kQ8_0 = 8 };

/// Bytes of `elements` values, a multiple of 32 for the quantised types.
std::uint64_t bytes_of(GgmlType type, std::uint64_t elements);

struct TensorInfo {
  std::string name;
  std::vector<std::uint64_t> dims;  ///< fastest varying first, as ggml counts
  GgmlType type = GgmlType::kF32;

  std::uint64_t elements() const;
  std::uint64_t bytes() const { return bytes_of(type, elements()); }
};

class GgufWriter {
 public:
  /// Each key once; values keep GGUF's own types.
  void add_text(const std::string& key, const std::string& value);
  void add_u32(const std::string& key, std::uint32_t value);
  void add_f32(const std::string& key, float value);
  void add_tensor(TensorInfo tensor) { tensors_.push_back(std::move(tensor)); }

  const std::vector<TensorInfo>& tensors() const { return tensors_; }

  /// Opens `path` and writes everything before the data; false with errno kept on failure.
  bool open(const std::string& path);
  /// Data of the tensors in the order they were added; any number of pieces a tensor.
  bool write(std::span<const std::byte> piece);
  /// Pads up to the next tensor's offset; call after each tensor.
  bool end_tensor();
  bool close();

 private:
  struct CloseFile {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };

  std::string header() const;

  std::string metadata_;
  std::uint64_t metadata_count_ = 0;
  std::vector<TensorInfo> tensors_;
  std::unique_ptr<std::FILE, CloseFile> file_;
  std::uint64_t written_ = 0;
};

}  // namespace terrace::bench
