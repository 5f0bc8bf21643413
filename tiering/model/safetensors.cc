// SPDX-License-Identifier: Apache-2.0
#include "tiering/model/safetensors.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstring>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>

namespace terrace::model {
namespace {

using nlohmann::json;

constexpr std::uint64_t kLengthBytes = 8;
constexpr std::uint64_t kMaxHeader = 100'000'000;  // the limit of the reference implementation
constexpr int kMaxDepth = 32;

struct Type {
  const char* name;
  std::uint64_t bits;
};
constexpr Type kTypes[] = {
    {"F64", 64}, {"F32", 32},    {"F16", 16},    {"BF16", 16},   {"I64", 64}, {"I32", 32},
    {"I16", 16}, {"I8", 8},      {"U64", 64},    {"U32", 32},    {"U16", 16}, {"U8", 8},
    {"BOOL", 8}, {"F8_E4M3", 8}, {"F8_E5M2", 8}, {"F8_E8M0", 8}, {"F4", 4},
};

Error damaged(const std::string& name, const std::string& where, const std::string& what) {
  return make_error(ErrorCode::kUsage, 0, "%.120s: %.80s: %.80s; get the file again", name.c_str(),
                    where.c_str(), what.c_str());
}

/// No exceptions, and no deeper than any such file goes: the parser itself recurses.
json parse_json(const char* begin, const char* end) {
  const auto not_too_deep = [](int depth, json::parse_event_t, json&) {
    return depth <= kMaxDepth;
  };
  return json::parse(begin, end, not_too_deep, false);
}

bool is_count(const json& value) {
  return value.is_number_unsigned();
}

/// Empty: sound.
std::string read_tensor(const json& entry, std::uint64_t data_offset, SafetensorsTensor& tensor) {
  if (!entry.is_object() || !entry.contains("dtype") || !entry.contains("shape") ||
      !entry.contains("data_offsets")) {
    return "lacks dtype, shape or data_offsets";
  }
  const json& offsets = entry["data_offsets"];
  if (!entry["dtype"].is_string() || !entry["shape"].is_array() || !offsets.is_array() ||
      offsets.size() != 2 || !is_count(offsets[0]) || !is_count(offsets[1])) {
    return "dtype, shape or data_offsets is of the wrong kind";
  }
  tensor.dtype = entry["dtype"].get<std::string>();
  std::uint64_t bits = 0;
  for (const Type& type : kTypes) {
    if (tensor.dtype == type.name) bits = type.bits;
  }
  if (bits == 0) return "unknown dtype " + tensor.dtype.substr(0, 20);
  for (const json& length : entry["shape"]) {
    if (!is_count(length)) return "a length that is no whole number";
    tensor.shape.push_back(length.get<std::uint64_t>());
    if (__builtin_mul_overflow(bits, tensor.shape.back(), &bits)) return "a shape too large";
  }
  const auto begin = offsets[0].get<std::uint64_t>();
  const auto end = offsets[1].get<std::uint64_t>();
  if (end < begin) return "its data end before they begin";
  tensor.bytes = end - begin;
  if ((bits + 7) / 8 != tensor.bytes) return "its data are not as long as its shape says";
  if (__builtin_add_overflow(begin, data_offset, &tensor.offset)) return "an offset too large";
  return {};
}

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

}  // namespace

Result<SafetensorsHeader> parse_safetensors_header(const void* data, std::uint64_t size,
                                                   std::uint64_t file_bytes,
                                                   const std::string& name) {
  const auto* bytes = static_cast<const char*>(data);
  std::uint64_t length = 0;
  if (size < kLengthBytes) return damaged(name, "offset 0", "too short for a header's length");
  std::memcpy(&length, bytes, sizeof length);  // little-endian, as the machines that run this
  if (length > kMaxHeader) return damaged(name, "offset 0", "a header of more than 100 MB");
  if (length > size - kLengthBytes) return damaged(name, "offset 8", "cut short in the header");
  const json root = parse_json(bytes + kLengthBytes, bytes + kLengthBytes + length);
  if (!root.is_object()) return damaged(name, "offset 8", "the header is no JSON object");
  SafetensorsHeader header;
  header.file_bytes = file_bytes;
  for (const auto& [key, entry] : root.items()) {
    if (key == "__metadata__") continue;
    SafetensorsTensor tensor;
    tensor.name = key;
    std::string problem = read_tensor(entry, kLengthBytes + length, tensor);
    if (problem.empty() &&
        (tensor.offset > file_bytes || tensor.bytes > file_bytes - tensor.offset)) {
      problem = "cut short: its data end behind the file";
    }
    if (!problem.empty()) return damaged(name, "tensor " + key.substr(0, 60), problem);
    header.tensors.push_back(std::move(tensor));
  }
  return header;
}

Result<SafetensorsHeader> read_safetensors_header(const std::string& path) {
  const std::unique_ptr<std::FILE, CloseFile> file(std::fopen(path.c_str(), "re"));
  if (file == nullptr || std::fseek(file.get(), 0, SEEK_END) != 0) {
    return make_error(ErrorCode::kIo, errno, "%.200s: cannot be read: %s", path.c_str(),
                      std::strerror(errno));
  }
  const long end = std::ftell(file.get());
  if (end < 0 || end == LONG_MAX || std::fseek(file.get(), 0, SEEK_SET) != 0) {
    return make_error(ErrorCode::kUsage, errno,
                      "%.200s: is no regular file; name a safetensors file", path.c_str());
  }
  const auto size = static_cast<std::uint64_t>(end);
  std::uint64_t length = 0;
  std::string bytes(std::min(size, kLengthBytes), '\0');
  if (std::fread(bytes.data(), 1, bytes.size(), file.get()) == sizeof length) {
    std::memcpy(&length, bytes.data(), sizeof length);
    const std::uint64_t wanted = std::min({length, size - kLengthBytes, kMaxHeader});
    bytes.resize(kLengthBytes + wanted);
    bytes.resize(kLengthBytes + std::fread(bytes.data() + kLengthBytes, 1, wanted, file.get()));
  }
  return parse_safetensors_header(bytes.data(), bytes.size(), size, path);
}

Result<std::vector<std::string>> parse_safetensors_index(const std::string& text,
                                                         const std::string& name) {
  const json root = parse_json(text.data(), text.data() + text.size());
  if (!root.is_object() || !root.contains("weight_map") || !root["weight_map"].is_object()) {
    return damaged(name, "key weight_map", "is missing, or the file is no JSON object");
  }
  std::set<std::string> files;
  for (const auto& [key, file] : root["weight_map"].items()) {
    const bool plain =
        file.is_string() && !file.get<std::string>().empty() &&
        file.get<std::string>().find_first_of(std::string("/\0", 2)) == std::string::npos;
    if (!plain) return damaged(name, "tensor " + key.substr(0, 60), "its file is no plain name");
    files.insert(file.get<std::string>());
  }
  if (files.empty()) return damaged(name, "key weight_map", "names no file");
  return std::vector<std::string>(files.begin(), files.end());
}

std::uint64_t ModelConfig::get(const std::string& key, std::uint64_t otherwise) const {
  for (const auto& [name, value] : integers) {
    if (name == key) return value;
  }
  return otherwise;
}

std::string ModelConfig::text(const std::string& key) const {
  for (const auto& [name, value] : strings) {
    if (name == key) return value;
  }
  return {};
}

Result<ModelConfig> parse_model_config(const std::string& text, const std::string& name) {
  const json root = parse_json(text.data(), text.data() + text.size());
  if (!root.is_object()) return damaged(name, "offset 0", "is no JSON object");
  ModelConfig config;
  for (const auto& [key, value] : root.items()) {
    if (value.is_number_unsigned()) config.integers.emplace_back(key, value.get<std::uint64_t>());
    if (value.is_string()) config.strings.emplace_back(key, value.get<std::string>());
    if (value.is_boolean()) config.integers.emplace_back(key, value.get<bool>() ? 1 : 0);
  }
  return config;
}

}  // namespace terrace::model
