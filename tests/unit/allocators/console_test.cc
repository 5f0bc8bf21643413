// SPDX-License-Identifier: Apache-2.0
// The last messages are kept for who asks later.
#include "allocators/os/console.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

namespace terrace::os::console_test {
namespace {

std::string kept(std::uint64_t number) {
  KeptMessage message;
  return kept_message(number, message) ? message.text : "";
}

TEST(KeptMessages, AreTheLastOnes) {
  const std::uint64_t first = message_count();
  for (int i = 0; i < 20; ++i) quiet_message("message %d", i);
  EXPECT_EQ(message_count(), first + 20);
  EXPECT_EQ(kept(first + 19), "message 19");
  EXPECT_EQ(kept(first + 4), "message 4");
  EXPECT_EQ(kept(first + 3), "") << "sixteen are kept";
  EXPECT_EQ(kept(first + 20), "") << "not said yet";
}

TEST(KeptMessages, AreThoseOfStandardErrorToo) {
  testing::internal::CaptureStderr();
  errno = 42;
  message("%s", "loud");
  EXPECT_EQ(errno, 42);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "terrace: loud\n");
  EXPECT_EQ(kept(message_count() - 1), "loud");
}

TEST(KeptMessages, AreCutAndNeverTorn) {
  std::vector<std::thread> writers;
  for (int i = 0; i < 4; ++i) {
    writers.emplace_back([i] {
      const std::string text(400, static_cast<char>('a' + i));
      for (int round = 0; round < 500; ++round) quiet_message("%s", text.c_str());
    });
  }
  int seen = 0;
  while (seen < 2000 && message_count() < 2000) {
    const std::uint64_t count = message_count();
    const std::string text = count == 0 ? "" : kept(count - 1);
    if (text.size() != 255) continue;
    ++seen;
    EXPECT_EQ(text, std::string(255, text[0]));
  }
  for (std::thread& writer : writers) writer.join();
}

}  // namespace
}  // namespace terrace::os::console_test
