// SPDX-License-Identifier: Apache-2.0
#include "allocators/base/text.h"

#include <gtest/gtest.h>

#include <string>

#include "allocators/base/block_bytes.h"
#include "allocators/base/percent.h"

namespace terrace::text_test {
namespace {

TEST(Text, TrimmingTakesBlanksAtTheEndsOnly) {
  EXPECT_EQ(trimmed(" \t a b\r\n"), "a b");
  EXPECT_EQ(trimmed("a"), "a");
  EXPECT_EQ(trimmed(" \n"), "");
  EXPECT_EQ(trimmed(""), "");
}

TEST(Text, MessagesShowSixtyCharacters) {
  EXPECT_EQ(shown("abc"), 3);
  EXPECT_EQ(shown(std::string(1000, 'x')), 60);
}

TEST(Text, EscapesAreToldByLetterAndPlace) {
  std::string plain;
  std::string letters;
  for_each_escape(
      "a%p.%%%", [&](char c) { plain += c; },
      [&](char letter, std::size_t at) {
        letters += (letter == '\0' ? std::string("end") : std::string(1, letter)) +
                   std::to_string(at) + " ";
      });
  EXPECT_EQ(plain, "a.");
  EXPECT_EQ(letters, "p1 %4 end6 ");
}

TEST(Blocks, TheLastBlockHasWhatIsLeftAndBehindItIsNothing) {
  const Bytes size = MiB(4) + Bytes(100);
  EXPECT_EQ(bytes_in_block(size, 0), kBlockBytes);
  EXPECT_EQ(bytes_in_block(size, 1), kBlockBytes);
  EXPECT_EQ(bytes_in_block(size, 2), Bytes(100));
  EXPECT_EQ(bytes_in_block(size, 3), Bytes());
  EXPECT_EQ(bytes_in_block(MiB(4), 2), Bytes());
  EXPECT_EQ(bytes_of_blocks(block_count_for(size)), MiB(6));
}

}  // namespace
}  // namespace terrace::text_test
