// SPDX-License-Identifier: Apache-2.0
#include "bench/scenario/gguf_writer.h"

#include <cstring>
#include <utility>

namespace terrace::bench {
namespace {

constexpr std::uint32_t kGgufVersion = 3;
constexpr std::uint64_t kAlignment = 32;
constexpr std::uint64_t kBlockElements = 32;
constexpr std::uint32_t kValueU32 = 4;
constexpr std::uint32_t kValueF32 = 6;
constexpr std::uint32_t kValueString = 8;

template <typename T>
void append(std::string& out, T value) {
  char bytes[sizeof(T)];
  std::memcpy(bytes, &value, sizeof(T));
  out.append(bytes, sizeof(T));
}

void append_string(std::string& out, const std::string& text) {
  append(out, static_cast<std::uint64_t>(text.size()));
  out += text;
}

std::uint64_t aligned(std::uint64_t offset) {
  return (offset + kAlignment - 1) / kAlignment * kAlignment;
}

}  // namespace

std::uint64_t bytes_of(GgmlType type, std::uint64_t elements) {
  switch (type) {
    case GgmlType::kQ4_0:
      return elements / kBlockElements * 18;  // a half-precision scale and 32 nibbles
    case GgmlType::kQ8_0:
      return elements / kBlockElements * 34;  // a half-precision scale and 32 bytes
    case GgmlType::kF32:
      break;
  }
  return elements * sizeof(float);
}

std::uint64_t TensorInfo::elements() const {
  std::uint64_t product = 1;
  for (const std::uint64_t dim : dims) product *= dim;
  return product;
}

void GgufWriter::add_text(const std::string& key, const std::string& value) {
  append_string(metadata_, key);
  append(metadata_, kValueString);
  append_string(metadata_, value);
  ++metadata_count_;
}

void GgufWriter::add_u32(const std::string& key, std::uint32_t value) {
  append_string(metadata_, key);
  append(metadata_, kValueU32);
  append(metadata_, value);
  ++metadata_count_;
}

void GgufWriter::add_f32(const std::string& key, float value) {
  append_string(metadata_, key);
  append(metadata_, kValueF32);
  append(metadata_, value);
  ++metadata_count_;
}

std::string GgufWriter::header() const {
  std::string out = "GGUF";
  append(out, kGgufVersion);
  append(out, static_cast<std::uint64_t>(tensors_.size()));
  append(out, metadata_count_);
  out += metadata_;
  std::uint64_t offset = 0;
  for (const TensorInfo& tensor : tensors_) {
    append_string(out, tensor.name);
    append(out, static_cast<std::uint32_t>(tensor.dims.size()));
    for (const std::uint64_t dim : tensor.dims) append(out, dim);
    append(out, static_cast<std::uint32_t>(tensor.type));
    append(out, offset);
    offset = aligned(offset + tensor.bytes());
  }
  out.resize(aligned(out.size()));
  return out;
}

bool GgufWriter::open(const std::string& path) {
  file_.reset(std::fopen(path.c_str(), "wb"));
  if (!file_) return false;
  const std::string text = header();
  return write(std::as_bytes(std::span(text)));
}

bool GgufWriter::write(std::span<const std::byte> piece) {
  written_ += piece.size();
  return std::fwrite(piece.data(), 1, piece.size(), file_.get()) == piece.size();
}

bool GgufWriter::end_tensor() {
  constexpr std::byte kZeros[kAlignment] = {};
  return write(std::span(kZeros).first(aligned(written_) - written_));
}

bool GgufWriter::close() {
  // A full disk is often reported only here.
  return std::fclose(file_.release()) == 0;
}

}  // namespace terrace::bench
