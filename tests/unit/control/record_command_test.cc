// SPDX-License-Identifier: Apache-2.0
#include "tiering/control/record_command.h"

#include <gtest/gtest.h>

#include <string>

#include "tiering/control/os/status_socket.h"

namespace terrace::control::record_command_test {
namespace {

std::string written(const RecordCommand& command) {
  char text[os::kMaxCommand];
  const Status done = write_record_command(command, text, sizeof text);
  return done ? text : std::string("refused: ") + done.error().message;
}

RecordCommand split_command(const char* path, std::uint64_t number) {
  RecordCommand command;
  command.path = path;
  command.split.recording = number;
  return command;
}

// Libraries that are out already know this form and no other.
TEST(RecordCommand, OneFileIsAskedForAsEver) {
  EXPECT_EQ(written({"/tmp/a session", {}}), "record /tmp/a session");
  const auto read = read_record_command("record /tmp/a session");
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_STREQ(read->path, "/tmp/a session");
  EXPECT_EQ(read->split.recording, 0u);
}

TEST(RecordCommand, LeavesTheRuleAndThePathAsTheyWere) {
  RecordCommand command = split_command("/tmp/1 2", UINT64_MAX);
  command.split.bytes = UINT64_MAX;
  command.split.time_ns = UINT64_MAX - 1;
  command.split.keep = UINT32_MAX;
  const std::string text = written(command);
  const auto read = read_record_command(text.c_str());
  ASSERT_TRUE(read.ok()) << text << ": " << read.error().message;
  EXPECT_EQ(read->split.recording, UINT64_MAX);
  EXPECT_EQ(read->split.bytes, UINT64_MAX);
  EXPECT_EQ(read->split.time_ns, UINT64_MAX - 1);
  EXPECT_EQ(read->split.keep, UINT32_MAX);
  EXPECT_STREQ(read->path, "/tmp/1 2");
}

TEST(RecordCommand, RefusesWhatIsNoRuleOrNoPath) {
  const char* const bad[] = {
      "record ",
      "record a.session",
      "record-split ",
      "record-split /a",
      "record-split 1 2 3 /a",
      "record-split 1 2 3 4",
      "record-split 1 2 3 4 ",
      "record-split 1 2 3 4 a",
      "record-split 1  2 3 4 /a",
      "record-split  1 2 3 4 /a",
      "record-split -1 2 3 4 /a",
      "record-split +1 2 3 4 /a",
      "record-split 0x1 2 3 4 /a",
      "record-split 0 2 3 4 /a",                     // no number
      "record-split 1 0 0 4 /a",                     // no limit
      "record-split 1 2 3 4294967296 /a",            // beyond 32 bits
      "record-split 1 18446744073709551616 3 4 /a",  // beyond 64
      "record-split 1 99999999999999999999 3 4 /a",
  };
  for (const char* text : bad) {
    EXPECT_TRUE(is_record_command(text)) << text;
    const auto read = read_record_command(text);
    ASSERT_FALSE(read.ok()) << text;
    EXPECT_EQ(read.error().code, ErrorCode::kUsage) << text;
  }
  for (const char* other : {"", "keep", "end", "record", "recordings /a", "record-splits 1"}) {
    EXPECT_FALSE(is_record_command(other)) << other;
  }
}

TEST(RecordCommand, NeverMakesMoreThanTheSocketTakes) {
  const std::string prefix = os::kCommandPrefix;
  for (std::size_t length = 300; length < 600; ++length) {
    const std::string path = "/" + std::string(length, 'p');
    for (const std::uint64_t number : {std::uint64_t{0}, UINT64_MAX}) {
      RecordCommand command = split_command(path.c_str(), number);
      command.split.bytes = UINT64_MAX;
      const std::string text = written(command);
      if (text.rfind("refused", 0) == 0) {
        EXPECT_GT(length, 319u) << "the recorder takes names of that length";
      } else {
        EXPECT_LE((prefix + text + "\n").size(), os::kMaxCommand);
      }
    }
  }
}

}  // namespace
}  // namespace terrace::control::record_command_test
