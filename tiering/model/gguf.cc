// SPDX-License-Identifier: Apache-2.0
#include "tiering/model/gguf.h"

#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>
#include <set>

#include "tiering/model/gguf_input.h"

namespace terrace::model {
namespace {

constexpr std::uint64_t kMaxText = 16u << 20;  // of one string; chat templates are some 10 KB
constexpr int kMaxArrayDepth = 4;
constexpr std::uint64_t kMaxKeptArray = 10'000;  // layers have figures, vocabularies have more
constexpr std::uint32_t kMaxDimensions = 4;
constexpr std::uint64_t kDefaultAlignment = 32;
// Shortest possible entries, which bound the counts that a file of a given length can hold.
constexpr std::uint64_t kMinTensorBytes = 8 + 4 + 8 + 4 + 8;
constexpr std::uint64_t kMinPairBytes = 8 + 4 + 1;

enum ValueType : std::uint32_t {
  kU8 = 0,
  kI8,
  kU16,
  kI16,
  kU32,
  kI32,
  kF32,
  kBool,
  kString,
  kArray,
  kU64,
  kI64,
  kF64
};

/// Bytes of a fixed-size value; 0 for strings, arrays and unknown types.
std::uint64_t value_bytes(std::uint32_t type) {
  constexpr std::uint8_t kBytes[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
  return type < sizeof kBytes ? kBytes[type] : 0;
}

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

/// Walks the header; the first problem ends it. Every function returns false once there is one.
class Parser {
 public:
  Parser(GgufInput& input, const std::string& name) : input_(input), name_(name) {}

  Result<GgufHeader> run() {
    header_.file_bytes = input_.size();
    if (preamble() && metadata() && tensors() && place_tensors()) return std::move(header_);
    return *error_;
  }

 private:
  bool damaged(std::uint64_t offset, const char* what) {
    error_ = make_error(ErrorCode::kUsage, 0, "%.120s: offset %llu: %s; get the file again",
                        name_.c_str(), static_cast<unsigned long long>(offset), what);
    return false;
  }

  bool cut_short(const char* expected) {
    error_ = make_error(ErrorCode::kUsage, 0,
                        "%.120s: cut short: offset %llu: expected %s, the file ends at %llu; get "
                        "the file again",
                        name_.c_str(), static_cast<unsigned long long>(input_.position()), expected,
                        static_cast<unsigned long long>(input_.size()));
    return false;
  }

  template <typename T>
  bool number(T& value, const char* expected) {
    return input_.read(&value, sizeof value) || cut_short(expected);
  }

  bool text(std::string& value, const char* expected) {
    const std::uint64_t at = input_.position();
    std::uint64_t length = 0;
    if (!number(length, expected)) return false;
    if (length > input_.left()) return cut_short(expected);
    if (length > kMaxText) return damaged(at, "a string of more than 16 MiB");
    value.resize(length);
    return input_.read(value.data(), length) || cut_short(expected);
  }

  bool preamble() {
    char magic[4] = {};
    if (!number(magic, "the magic 'GGUF'")) return false;
    if (std::memcmp(magic, "GGUF", 4) != 0) return damaged(0, "no GGUF file, its magic is missing");
    if (!number(header_.version, "the version")) return false;
    if (header_.version != 2 && header_.version != 3) {
      return damaged(4, "not version 2 or 3 of the format");
    }
    if (!number(tensor_count_, "the number of tensors") ||
        !number(pair_count_, "the number of metadata")) {
      return false;
    }
    if (tensor_count_ > input_.left() / kMinTensorBytes)
      return cut_short("as many tensors as said");
    if (pair_count_ > input_.left() / kMinPairBytes) return cut_short("as many metadata as said");
    return true;
  }

  bool metadata() {
    for (std::uint64_t i = 0; i < pair_count_; ++i) {
      std::string key;
      std::uint32_t type = 0;
      if (!text(key, "a metadata key") || !number(type, "a metadata type")) return false;
      if (!value(key, type)) return false;
    }
    const auto alignment = header_.integers.find("general.alignment");
    if (alignment == header_.integers.end()) return true;
    alignment_ = alignment->second;
    const bool power_of_two = alignment_ != 0 && (alignment_ & (alignment_ - 1)) == 0;
    if (power_of_two && alignment_ <= (1u << 30)) return true;
    return damaged(input_.position(), "general.alignment is no power of two up to 2^30");
  }

  bool value(const std::string& key, std::uint32_t type) {
    if (type == kString) return text(header_.strings[key], "a metadata string");
    if (type == kArray) return array(key);
    const std::uint64_t at = input_.position();
    const std::uint64_t bytes = value_bytes(type);
    if (bytes == 0) return damaged(at - 4, "unknown metadata type");
    std::uint64_t raw = 0;  // little-endian, as the machines that run this
    if (!input_.read(&raw, bytes)) return cut_short("a metadata value");
    const bool is_float = type == kF32 || type == kF64;
    const bool is_signed = type == kI8 || type == kI16 || type == kI32 || type == kI64;
    const bool negative = is_signed && (raw >> (bytes * 8 - 1)) != 0;
    if (!is_float && !negative) header_.integers[key] = raw;
    return true;
  }

  static bool is_whole(std::uint32_t type) {
    return value_bytes(type) != 0 && type != kF32 && type != kF64;
  }

  /// Keeps a short list of whole numbers, unless one of them is negative; skips any other.
  bool array(const std::string& key) {
    const std::uint64_t at = input_.position();
    std::uint32_t type = 0;
    std::uint64_t count = 0;
    if (!number(type, "an array's type") || !number(count, "an array's length")) return false;
    if (!is_whole(type) || count > kMaxKeptArray) return skip_elements(type, count, at, 0);
    const std::uint64_t bytes = value_bytes(type);
    std::vector<std::uint64_t> values;
    bool any_negative = false;
    for (std::uint64_t i = 0; i < count; ++i) {
      std::uint64_t raw = 0;
      if (!input_.read(&raw, bytes)) return cut_short("an array's elements");
      const bool is_signed = type == kI8 || type == kI16 || type == kI32 || type == kI64;
      any_negative = any_negative || (is_signed && (raw >> (bytes * 8 - 1)) != 0);
      values.push_back(raw);
    }
    if (!any_negative) header_.integer_arrays[key] = std::move(values);
    return true;
  }

  bool skip_array(int depth) {
    const std::uint64_t at = input_.position();
    std::uint32_t type = 0;
    std::uint64_t count = 0;
    if (!number(type, "an array's type") || !number(count, "an array's length")) return false;
    return skip_elements(type, count, at, depth);
  }

  bool skip_elements(std::uint32_t type, std::uint64_t count, std::uint64_t at, int depth) {
    if (const std::uint64_t bytes = value_bytes(type); bytes != 0) {
      if (count > input_.left() / bytes) return cut_short("an array's elements");
      return input_.skip(count * bytes) || cut_short("an array's elements");
    }
    if (type != kString && type != kArray) return damaged(at, "unknown type of array elements");
    if (type == kArray && depth + 1 >= kMaxArrayDepth) return damaged(at, "arrays nest too deeply");
    for (std::uint64_t i = 0; i < count; ++i) {
      if (!(type == kArray ? skip_array(depth + 1) : skip_text())) return false;
    }
    return true;
  }

  bool skip_text() {
    std::uint64_t length = 0;
    if (!number(length, "an array's string")) return false;
    return input_.skip(length) || cut_short("an array's string");
  }

  bool tensors() {
    std::set<std::string> names;
    for (std::uint64_t i = 0; i < tensor_count_; ++i) {
      const std::uint64_t at = input_.position();
      GgufTensor tensor;
      if (!text(tensor.name, "a tensor's name")) return false;
      if (!names.insert(tensor.name).second) return damaged(at, "a tensor is listed twice");
      if (!shape_and_type(tensor) || !number(tensor.offset, "a tensor's offset")) return false;
      if (tensor.offset % alignment_ != 0) {
        return damaged(input_.position() - 8, "a tensor's offset is not aligned");
      }
      header_.tensors.push_back(std::move(tensor));
    }
    return true;
  }

  bool shape_and_type(GgufTensor& tensor) {
    const std::uint64_t at = input_.position();
    std::uint32_t dimensions = 0;
    std::uint32_t type = 0;
    if (!number(dimensions, "a tensor's dimensions")) return false;
    if (dimensions == 0 || dimensions > kMaxDimensions) {
      return damaged(at, "a tensor has not 1 to 4 dimensions");
    }
    std::uint64_t elements = 1;
    for (std::uint32_t d = 0; d < dimensions; ++d) {
      std::uint64_t length = 0;
      if (!number(length, "a tensor's shape")) return false;
      if (length == 0 || __builtin_mul_overflow(elements, length, &elements)) {
        return damaged(at, "a tensor's shape is empty or too large");
      }
      tensor.shape.push_back(length);
    }
    if (!number(type, "a tensor's type")) return false;
    tensor.type = gguf_type(type);
    if (tensor.type == nullptr) return damaged(input_.position() - 4, "unknown tensor type");
    if (tensor.shape[0] % tensor.type->elements != 0) {
      return damaged(at, "a tensor's rows are no whole number of its type's blocks");
    }
    const std::uint64_t blocks = elements / tensor.type->elements;
    if (__builtin_mul_overflow(blocks, std::uint64_t{tensor.type->bytes}, &tensor.bytes)) {
      return damaged(at, "a tensor's shape is too large");
    }
    return true;
  }

  // Offsets are from the data section, which begins at the next aligned byte.
  bool place_tensors() {
    header_.data_offset = (input_.position() + alignment_ - 1) / alignment_ * alignment_;
    for (GgufTensor& tensor : header_.tensors) {
      std::uint64_t end = 0;
      if (__builtin_add_overflow(tensor.offset, header_.data_offset, &tensor.offset) ||
          __builtin_add_overflow(tensor.offset, tensor.bytes, &end)) {
        return damaged(input_.position(), "a tensor's offset is too large");
      }
      if (end <= header_.file_bytes) continue;
      error_ = make_error(ErrorCode::kUsage, 0,
                          "%.120s: cut short: tensor %.60s ends at offset %llu, the file at %llu; "
                          "get the file again",
                          name_.c_str(), tensor.name.c_str(), static_cast<unsigned long long>(end),
                          static_cast<unsigned long long>(header_.file_bytes));
      return false;
    }
    return true;
  }

  GgufInput& input_;
  const std::string& name_;
  GgufHeader header_;
  std::optional<Error> error_;
  std::uint64_t tensor_count_ = 0;
  std::uint64_t pair_count_ = 0;
  std::uint64_t alignment_ = kDefaultAlignment;
};

}  // namespace

Result<GgufHeader> parse_gguf_header(const void* data, std::uint64_t size,
                                     const std::string& name) {
  GgufInput input(data, size);
  return Parser(input, name).run();
}

Result<GgufHeader> read_gguf_header(const std::string& path) {
  const std::unique_ptr<std::FILE, CloseFile> file(std::fopen(path.c_str(), "re"));
  if (file == nullptr || std::fseek(file.get(), 0, SEEK_END) != 0) {
    return make_error(ErrorCode::kIo, errno, "%.200s: cannot be read: %s", path.c_str(),
                      std::strerror(errno));
  }
  const long size = std::ftell(file.get());
  if (size < 0 || size == LONG_MAX || std::fseek(file.get(), 0, SEEK_SET) != 0) {
    return make_error(ErrorCode::kUsage, errno, "%.200s: is no regular file; name a GGUF file",
                      path.c_str());
  }
  GgufInput input(file.get(), static_cast<std::uint64_t>(size));
  return Parser(input, path).run();
}

}  // namespace terrace::model
