// SPDX-License-Identifier: Apache-2.0
#include "profiler/export/protobuf.h"

#include <gtest/gtest.h>

namespace terrace::exporting::protobuf_test {
namespace {

// The examples of https://protobuf.dev/programming-guides/encoding/.
TEST(Protobuf, WritesTheSpecificationsExamples) {
  EXPECT_EQ(ProtobufMessage().integer(1, 150).bytes(), "\x08\x96\x01");
  EXPECT_EQ(ProtobufMessage().text(2, "testing").bytes(), "\x12\x07testing");
  const ProtobufMessage inner = ProtobufMessage().integer(1, 150);
  EXPECT_EQ(ProtobufMessage().message(3, inner).bytes(), "\x1a\x03\x08\x96\x01");
  EXPECT_EQ(ProtobufMessage().packed(6, {3, 270, 86942}).bytes(),
            "\x32\x06\x03\x8e\x02\x9e\xa7\x05");
}

TEST(Protobuf, WritesTheWholeRangeOfIntegersAndFields) {
  EXPECT_EQ(ProtobufMessage().integer(1, UINT64_MAX).bytes(),
            "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01");
  EXPECT_EQ(ProtobufMessage().integer(16, 0).bytes(), std::string("\x80\x01\x00", 3));
}

}  // namespace
}  // namespace terrace::exporting::protobuf_test
