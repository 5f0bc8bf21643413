// SPDX-License-Identifier: Apache-2.0
// Mutants of a split recording's files: each is read and joined with the others, or refused.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "tests/fuzz/good_segments.h"
#include "tests/fuzz/inputs.h"
#include "tests/fuzz/mutate.h"

namespace terrace::fuzz::fuzz_segments {
namespace {

TEST(FuzzSegments, TheGoodFilesAreReadInAnyOrder) {
  std::vector<std::string> files = good_segments();
  std::sort(files.begin(), files.end());
  do {
    EXPECT_EQ(segments_input(joined(files)), 3);
  } while (std::next_permutation(files.begin(), files.end()));
}

TEST(FuzzSegments, DamagedFilesAreJoinedOrRefused) {
  const std::uint32_t seed = logged_seed();
  Mutator mutator(seed);
  std::mt19937 random(seed + 1);
  int read = 0;
  constexpr int kRounds = 2000;
  for (int round = 0; round < kRounds; ++round) {
    std::vector<std::string> files = good_segments();
    std::string& damaged = files[random() % files.size()];
    damaged = mutator.damaged_bytes(damaged);
    if (random() % 4 == 0) files.erase(files.begin() + random() % 3);
    if (random() % 8 == 0) files.push_back(files[random() % files.size()]);
    std::shuffle(files.begin(), files.end(), random);
    read += segments_input(joined(files)) > 1 ? 1 : 0;
  }
  EXPECT_GT(read, kRounds / 4) << "most of these reach the joining";
  EXPECT_LT(read, kRounds) << "a copy is refused, at least";
}

}  // namespace
}  // namespace terrace::fuzz::fuzz_segments
