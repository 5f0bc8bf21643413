// SPDX-License-Identifier: Apache-2.0
// As much of the protocol buffers wire format as a profile needs: varints and length-delimited
// fields (https://protobuf.dev/programming-guides/encoding/). Used by to_pprof.
// Thread-safe (values); allocates.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace terrace::exporting {

class ProtobufMessage {
 public:
  /// uint64, int64 and bool. Zero is written as well: a repeated field would lose an element.
  ProtobufMessage& integer(std::uint32_t field, std::uint64_t value);
  ProtobufMessage& text(std::uint32_t field, std::string_view value);
  ProtobufMessage& message(std::uint32_t field, const ProtobufMessage& value);
  /// A repeated integer field in its packed form.
  ProtobufMessage& packed(std::uint32_t field, const std::vector<std::uint64_t>& values);

  const std::string& bytes() const { return bytes_; }

 private:
  void varint(std::uint64_t value);

  std::string bytes_;
};

}  // namespace terrace::exporting
