// SPDX-License-Identifier: Apache-2.0
// Random claims and returns of three pools of one file, against a list of who holds what.
#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "allocators/backing/block_pool.h"
#include "tests/unit/backing/pool_file.h"

namespace terrace::backing::block_pool_model_test {
namespace {

constexpr std::uint32_t kBlocks = 150;  // more than two words of the bitmap, the last one in part
constexpr int kPools = 3;
constexpr int kNobody = -1;
constexpr int kSteps = 6000;

class Model {
 public:
  explicit Model(const std::string& path) {
    for (BlockPool& pool : pools_) {
      const Status opened = pool.open(path.c_str(), Bytes(), Bytes());
      EXPECT_TRUE(opened) << opened.error().message;
    }
  }
  ~Model() {
    for (BlockPool& pool : pools_) pool.close();
  }
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  void claim(int who, std::uint32_t wanted) {
    const PoolRun run = pools_[who].claim(wanted);
    if (run.count == 0) {
      for (const int owner : owner_) ASSERT_NE(owner, kNobody) << "there was a free block";
      return;
    }
    ASSERT_LE(run.count, wanted);
    ASSERT_LE(run.first + run.count, kBlocks);
    for (std::uint32_t i = 0; i < run.count; ++i) {
      ASSERT_EQ(owner_[run.first + i], kNobody);
      owner_[run.first + i] = who;
    }
    const std::uint32_t after = run.first + run.count;
    if (run.count < wanted && after < kBlocks) {
      ASSERT_NE(owner_[after], kNobody) << "the run could have been longer";
    }
  }

  /// What `who` holds from `first` on, at most `count` blocks.
  void give_back(int who, std::uint32_t first, std::uint32_t count) {
    while (first < kBlocks && owner_[first] != who) ++first;
    PoolRun run{first, 0};
    while (run.count < count && first + run.count < kBlocks && owner_[first + run.count] == who) {
      owner_[first + run.count++] = kNobody;
    }
    pools_[who].give_back(run);
  }

  void reopen(int who, const std::string& path) {
    pools_[who].close();
    for (int& owner : owner_) {
      if (owner == who) owner = kNobody;
    }
    ASSERT_TRUE(pools_[who].open(path.c_str(), Bytes(), Bytes()));
  }

 private:
  BlockPool pools_[kPools];
  std::vector<int> owner_ = std::vector<int>(kBlocks, kNobody);
};

TEST(BlockPoolModel, RandomOperationsAgreeWithTheListOfOwners) {
  const testing_support::Folder folder;
  const std::string path = folder.file("f", kBlocks);
  const auto seed = static_cast<unsigned>(testing::UnitTest::GetInstance()->random_seed()) + 1;
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  const auto below = [&](std::uint32_t limit) {
    return static_cast<std::uint32_t>(random()) % limit;
  };
  Model model(path);
  for (int step = 0; step < kSteps && !testing::Test::HasFatalFailure(); ++step) {
    const int who = static_cast<int>(below(kPools));
    const std::uint32_t choice = below(100);
    if (choice < 52) {
      model.claim(who, 1 + below(12));
    } else if (choice < 99) {
      model.give_back(who, below(kBlocks), 1 + below(12));
    } else {
      model.reopen(who, path);
    }
  }
}

}  // namespace
}  // namespace terrace::backing::block_pool_model_test
