// SPDX-License-Identifier: Apache-2.0
#include "profiler/export/protobuf.h"

namespace terrace::exporting {
namespace {

constexpr std::uint64_t kVarint = 0;
constexpr std::uint64_t kLengthDelimited = 2;

constexpr std::uint64_t tag(std::uint32_t field, std::uint64_t wire_type) {
  return std::uint64_t{field} << 3 | wire_type;
}

}  // namespace

void ProtobufMessage::varint(std::uint64_t value) {
  while (value >= 0x80) {
    bytes_ += static_cast<char>((value & 0x7F) | 0x80);
    value >>= 7;
  }
  bytes_ += static_cast<char>(value);
}

ProtobufMessage& ProtobufMessage::integer(std::uint32_t field, std::uint64_t value) {
  varint(tag(field, kVarint));
  varint(value);
  return *this;
}

ProtobufMessage& ProtobufMessage::text(std::uint32_t field, std::string_view value) {
  varint(tag(field, kLengthDelimited));
  varint(value.size());
  bytes_ += value;
  return *this;
}

ProtobufMessage& ProtobufMessage::message(std::uint32_t field, const ProtobufMessage& value) {
  return text(field, value.bytes_);
}

ProtobufMessage& ProtobufMessage::packed(std::uint32_t field,
                                         const std::vector<std::uint64_t>& values) {
  ProtobufMessage all;
  for (const std::uint64_t value : values) all.varint(value);
  return text(field, all.bytes_);
}

}  // namespace terrace::exporting
