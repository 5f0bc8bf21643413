// SPDX-License-Identifier: Apache-2.0
#include "tiering/control/json_text.h"

#include <gtest/gtest.h>

#include <cstring>
#include <nlohmann/json.hpp>
#include <string>

namespace terrace::control::json_text_test {
namespace {

TEST(JsonText, QuotesWhatAFileNameMayHold) {
  char buffer[2048];
  JsonText text(buffer, sizeof buffer);
  std::string name;
  for (int letter = 1; letter < 128; ++letter) name += static_cast<char>(letter);
  text.put_quoted(name.c_str());
  EXPECT_EQ(nlohmann::json::parse(text.data()).get<std::string>(), name);
}

TEST(JsonText, NeverWritesBehindItsBuffer) {
  for (std::size_t capacity = 1; capacity < 40; ++capacity) {
    std::string memory(64, 'x');
    JsonText text(memory.data(), capacity);
    text.put("{\"a\":%d", 12345);
    text.put_quoted("\"\x01 and more than there is room for");
    EXPECT_TRUE(text.cut());
    EXPECT_EQ(memory.substr(capacity), std::string(64 - capacity, 'x'));
    EXPECT_EQ(std::strlen(text.data()), text.size());
  }
}

TEST(JsonText, TakesBackWhatDidNotFit) {
  char buffer[16];
  JsonText text(buffer, sizeof buffer);
  text.put("[1");
  const std::size_t mark = text.size();
  text.put(",%s", "far too long to fit here");
  ASSERT_TRUE(text.cut());
  text.back_to(mark);
  text.put("]");
  EXPECT_STREQ(text.data(), "[1]");
  EXPECT_FALSE(text.cut());
}

}  // namespace
}  // namespace terrace::control::json_text_test
