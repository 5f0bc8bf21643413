// SPDX-License-Identifier: Apache-2.0
#include "allocators/base/ring.h"

#include <gtest/gtest.h>

namespace terrace::ring_test {
namespace {

TEST(Ring, KeepsOrderWhenItWrapsAround) {
  Ring<int, 4> ring;
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(ring.push(i));
  ring.pop();
  ring.pop();
  for (int i = 3; i < 6; ++i) ASSERT_TRUE(ring.push(i));
  EXPECT_TRUE(ring.full());
  for (int i = 2; i < 6; ++i) {
    EXPECT_EQ(ring.front(), i);
    ring.pop();
  }
  EXPECT_TRUE(ring.empty());
}

TEST(Ring, RefusesWhenFull) {
  Ring<int, 2> ring;
  ASSERT_TRUE(ring.push(1));
  ASSERT_TRUE(ring.push(2));
  EXPECT_FALSE(ring.push(3));
  EXPECT_EQ(ring.front(), 1);
  EXPECT_EQ(ring[1], 2);
}

TEST(Ring, EraseKeepsTheOthersInOrder) {
  Ring<int, 8> ring;
  for (int i = 0; i < 6; ++i) ring.push(i);
  ring.pop();
  ring.erase(1);  // 2
  ring.erase(3);  // 5, the last
  ring.erase(0);  // 1
  ASSERT_EQ(ring.size(), 2u);
  EXPECT_EQ(ring[0], 3);
  EXPECT_EQ(ring[1], 4);
}

}  // namespace
}  // namespace terrace::ring_test
