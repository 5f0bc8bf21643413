// SPDX-License-Identifier: Apache-2.0
#include "profiler/sites/frame_cache.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace terrace::sites {
namespace {

KnownFrame frame_of(std::uintptr_t address) {
  KnownFrame known;
  known.layout = {FrameBase::kStack, SavedFramePointer::kBelowBase, -24,
                  static_cast<std::int32_t>(address & 0xffff)};
  known.key = address * 3;
  return known;
}

bool holds(std::uintptr_t address, std::uint64_t identity) {
  KnownFrame known;
  if (!find_known(address, identity, known)) return false;
  EXPECT_EQ(known.layout, frame_of(address).layout);
  EXPECT_EQ(known.key, frame_of(address).key);
  return true;
}

TEST(FrameCache, GivesBackWhatItWasGiven) {
  EXPECT_FALSE(holds(0x1000, 7));
  remember_known(0x1000, 7, frame_of(0x1000));
  EXPECT_TRUE(holds(0x1000, 7));
}

TEST(FrameCache, AnotherModuleAtTheSameAddressIsUnknown) {
  remember_known(0x2000, 7, frame_of(0x2000));
  EXPECT_FALSE(holds(0x2000, 8));
}

TEST(FrameCache, TwoThatFallTogetherAreBothKept) {
  // More addresses than any single slot: whichever two meet last, most of the newest are there.
  constexpr std::uintptr_t kCount = 200;
  for (std::uintptr_t i = 1; i <= kCount; ++i) remember_known(i * 4099, 1, frame_of(i * 4099));
  std::uintptr_t kept = 0;
  for (std::uintptr_t i = 1; i <= kCount; ++i) kept += holds(i * 4099, 1) ? 1 : 0;
  EXPECT_GE(kept, kCount * 9 / 10);
}

TEST(FrameCache, NeverGivesOneFramesLayoutForAnother) {
  std::atomic<bool> stop{false};
  const auto write = [&] {
    for (std::uintptr_t at = 1; !stop; at = at % 5000 + 1) remember_known(at, 1, frame_of(at));
  };
  std::thread one(write);
  std::thread two(write);
  int found = 0;
  // Until the writers have begun, and then for a while.
  for (int round = 0; round < 200 || found == 0; ++round) {
    for (std::uintptr_t at = 1; at <= 5000; ++at) found += holds(at, 1) ? 1 : 0;
  }
  stop = true;
  one.join();
  two.join();
  EXPECT_GT(found, 0);
}

TEST(FrameCache, GenerationsDiffer) {
  const std::uint64_t before = cache_generation();
  forget_all_known();
  EXPECT_NE(cache_generation(), before);
}

}  // namespace
}  // namespace terrace::sites
