// SPDX-License-Identifier: Apache-2.0
// A model's tensors as places in its files, GGUF or safetensors, in one file or in shards: what the
// names of memory are made from. First step of naming (name_session.h). Input is untrusted: the
// readers check that each tensor lies within its file. Thread-safe; allocates.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <terrace/result.h>

#include "profiler/session/named_range.h"

namespace terrace::names {

struct ModelTensor {
  std::string name;
  std::string format;        ///< "Q4_0", "BF16": as the file says
  std::size_t file = 0;      ///< index in ModelTensors::files
  std::uint64_t offset = 0;  ///< in that file
  std::uint64_t bytes = 0;
  std::size_t rank = 0;
  std::uint64_t experts = 0;       ///< equal slices, one an expert, one after the other; 0: none
  std::uint64_t block_values = 1;  ///< elements that the format packs together; 1: plain numbers
};

struct ModelTensors {
  std::string path;          ///< as named by whoever asked
  std::string architecture;  ///< GGUF only; empty: not said
  std::vector<session::NamesFile> files;
  std::vector<ModelTensor> tensors;  ///< by file, then as the file lists them

  /// Index of the file; files.size(): none of them.
  std::size_t file_of(const std::string& path) const;
};

/// By its ending: .gguf, .safetensors or an index of such (.safetensors.index.json).
bool looks_like_model(std::string_view path);

/// By its ending or its first bytes: caches of downloads keep files under names that say nothing.
/// Reads 16 bytes of a regular file of 1 MiB and more, none of others.
bool is_model_file(const std::string& path);

/// Any shard of a set names all of it. Errors: kIo when a file cannot be read; kUsage with file,
/// offset and remedy when one is damaged, cut short, or missing from its set.
Result<ModelTensors> read_model_tensors(const std::string& path);

}  // namespace terrace::names
