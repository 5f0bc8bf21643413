// SPDX-License-Identifier: Apache-2.0
#include "allocators/base/words.h"

#include <gtest/gtest.h>

namespace terrace::words_test {
namespace {

TEST(Words, EachOriginHasOneAndANumberFromAFileMayHaveNone) {
  EXPECT_STREQ(name_of(Origin::kHeap), "heap");
  EXPECT_STREQ(name_of(Origin::kAnonymous), "anonymous");
  EXPECT_STREQ(name_of(Origin::kFile), "file");
  EXPECT_STREQ(name_of(static_cast<Origin>(3)), "unknown");
}

TEST(Words, StandAtTheirValues) {
  EXPECT_STREQ(word_of(TierKind::kUnknown, kKindWords), "unknown");
  EXPECT_STREQ(word_of(TierKind::kFile, kKindWords), "file");
  EXPECT_STREQ(word_of(BackingKind::kNuma, kBackingWords), "numa");
  EXPECT_STREQ(word_of(BackingKind::kDax, kBackingWords), "dax");
  EXPECT_STREQ(word_of(static_cast<BackingKind>(9), kBackingWords), "unknown");
  EXPECT_STREQ(word_of(Use::kOnRequest, kUseWords), "on-request");
  EXPECT_STREQ(word_of(Provenance::kGuess, kProvenanceWords), "guess");
  EXPECT_STREQ(word_of(Provenance::kUserFile, kProvenanceWords), "user-file");
}

}  // namespace
}  // namespace terrace::words_test
