// SPDX-License-Identifier: Apache-2.0
#include "tiering/names/model_tensors.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "tiering/model/gguf.h"
#include "tiering/model/model_file_readers.h"
#include "tiering/model/safetensors.h"
#include "tiering/model/tensor_names.h"
#include "tiering/names/os/file_facts.h"

namespace terrace::names {
namespace {

/// Experts of a GGUF lie along the last and slowest dimension.
std::uint64_t experts_of(const model::GgufTensor& tensor) {
  const bool stacked = tensor.name.find("_exps.") != std::string::npos && tensor.shape.size() == 3;
  return stacked && tensor.shape[2] > 1 && tensor.bytes % tensor.shape[2] == 0 ? tensor.shape[2]
                                                                               : 0;
}

/// Experts of a safetensors file lie along the first and slowest one, where they are stacked.
std::uint64_t experts_of(const model::SafetensorsTensor& tensor) {
  const bool stacked = tensor.name.find(".experts.") != std::string::npos &&
                       model::expert_of(tensor.name).expert < 0 && tensor.shape.size() >= 3;
  return stacked && tensor.shape[0] > 1 && tensor.bytes % tensor.shape[0] == 0 ? tensor.shape[0]
                                                                               : 0;
}

enum class FileKind : std::uint8_t { kNone, kGguf, kSafetensors };

FileKind kind_by_ending(std::string_view path) {
  if (path.ends_with(".gguf")) return FileKind::kGguf;
  if (path.ends_with(".safetensors") || path.ends_with(".json")) return FileKind::kSafetensors;
  return FileKind::kNone;
}

/// Both formats begin unmistakably: a magic, or the length of some JSON and its brace.
FileKind kind_by_content(const std::string& path) {
  constexpr std::uint64_t kMostHeader = 100 << 20;  // what the safetensors library itself accepts
  std::array<char, 16> begin{};
  std::ifstream file(path, std::ios::binary);
  if (!file.read(begin.data(), begin.size())) return FileKind::kNone;
  if (std::memcmp(begin.data(), "GGUF", 4) == 0) return FileKind::kGguf;
  std::uint64_t length = 0;
  std::memcpy(&length, begin.data(), sizeof length);
  const bool is_header = length > 2 && length <= kMostHeader && begin[8] == '{' && begin[9] == '"';
  return is_header ? FileKind::kSafetensors : FileKind::kNone;
}

Result<session::NamesFile> facts(const std::string& path) {
  auto found = os::facts_of(path);
  if (found) return *found;
  return make_error(ErrorCode::kIo, 0, "%.200s: is no file that can be read; check the path",
                    path.c_str());
}

Result<ModelTensors> read_gguf(const std::string& path) {
  ModelTensors model;
  model.path = path;
  for (const std::string& shard : model::shards_of_gguf(path)) {
    const auto header = model::read_gguf_header(shard);
    if (!header) return header.error();
    auto file = facts(shard);
    if (!file) return file.error();
    const auto architecture = header->strings.find("general.architecture");
    if (model.files.empty() && architecture != header->strings.end()) {
      model.architecture = architecture->second;
    }
    for (const model::GgufTensor& tensor : header->tensors) {
      model.tensors.push_back({tensor.name, std::string(tensor.type->name), model.files.size(),
                               tensor.offset, tensor.bytes, tensor.shape.size(), experts_of(tensor),
                               tensor.type->elements});
    }
    model.files.push_back(std::move(*file));
  }
  return model;
}

Result<ModelTensors> read_safetensors(const std::string& path) {
  const auto shards = model::shards_of_safetensors(path);
  if (!shards) return shards.error();
  ModelTensors model;
  model.path = path;
  for (const std::string& shard : *shards) {
    const auto header = model::read_safetensors_header(shard);
    if (!header) return header.error();
    auto file = facts(shard);
    if (!file) return file.error();
    const std::size_t first = model.tensors.size();
    for (const model::SafetensorsTensor& tensor : header->tensors) {
      model.tensors.push_back({tensor.name, tensor.dtype, model.files.size(), tensor.offset,
                               tensor.bytes, tensor.shape.size(), experts_of(tensor), 1});
    }
    // The header lists them by name.
    std::sort(model.tensors.begin() + static_cast<std::ptrdiff_t>(first), model.tensors.end(),
              [](const ModelTensor& a, const ModelTensor& b) { return a.offset < b.offset; });
    model.files.push_back(std::move(*file));
  }
  return model;
}

}  // namespace

std::size_t ModelTensors::file_of(const std::string& wanted) const {
  const auto same = [&](const session::NamesFile& file) {
    std::error_code failed;
    return file.path == wanted || std::filesystem::equivalent(file.path, wanted, failed);
  };
  return static_cast<std::size_t>(std::find_if(files.begin(), files.end(), same) - files.begin());
}

bool looks_like_model(std::string_view path) {
  return path.ends_with(".gguf") || path.ends_with(".safetensors") ||
         path.ends_with(".safetensors.index.json");
}

bool is_model_file(const std::string& path) {
  constexpr std::uintmax_t kLeast = 1 << 20;
  if (looks_like_model(path)) return true;
  const auto file = os::facts_of(path);
  return file && file->size_bytes >= kLeast && kind_by_content(path) != FileKind::kNone;
}

Result<ModelTensors> read_model_tensors(const std::string& path) {
  std::error_code failed;
  if (std::filesystem::is_directory(path, failed)) {
    return make_error(ErrorCode::kUsage, 0,
                      "%.200s: is a folder; name a .gguf, a .safetensors or a "
                      "model.safetensors.index.json in it",
                      path.c_str());
  }
  FileKind kind = kind_by_ending(path);
  if (kind == FileKind::kNone) kind = kind_by_content(path);
  return kind == FileKind::kSafetensors ? read_safetensors(path) : read_gguf(path);
}

}  // namespace terrace::names
