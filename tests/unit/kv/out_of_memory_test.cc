// SPDX-License-Identifier: Apache-2.0
// What becomes of moves for which there is no memory.
#include "tests/unit/kv/failing_new.h"
#include "tests/unit/kv/rig.h"

namespace terrace::kv {
namespace {

using Tokens = std::vector<Token>;

/// What the copier's thread would have begun when room was made.
TEST(KvOutOfMemory, BlocksStayWhereTheyAreWhenTheCopierHasNoMemory) {
  Rig rig({.tiers = {32, 64}});
  const Tokens tokens = tokens_from(1, 40);
  const SequenceRef sequence = rig.begin({}, 40);
  rig.fill(*sequence, tokens, 0);
  ASSERT_TRUE(rig.cache->pause(*sequence).ok());
  for (Token first = 1000; first < 2500; first += 100) {
    const SequenceRef one = rig.begin({}, 20);
    rig.fill(*one, tokens_from(first, 20), 0);
    ASSERT_TRUE(rig.cache->end(*one).ok());
    rig.cache->settle();
  }
  const std::uint64_t promoted = rig.cache->facts().promoted_blocks;
  {
    const OthersNewFails failing;
    ASSERT_TRUE(rig.cache->prefetch(*sequence).ok());
    rig.cache->settle();
    EXPECT_GT(failing.failures(), 0u);
  }
  EXPECT_LT(rig.cache->facts().promoted_blocks, promoted + 10);
  ASSERT_TRUE(rig.cache->prefetch(*sequence).ok());
  rig.cache->settle();
  EXPECT_EQ(rig.cache->facts().promoted_blocks, promoted + 10);
  ASSERT_TRUE(rig.cache->resume(*sequence).ok());
  EXPECT_EQ(rig.wrong(*sequence, tokens), 0u);
}

}  // namespace
}  // namespace terrace::kv
