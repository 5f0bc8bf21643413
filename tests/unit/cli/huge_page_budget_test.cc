// SPDX-License-Identifier: Apache-2.0
#include "tiering/cli/os/huge_page_budget.h"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>

#include <gtest/gtest.h>

#include "tests/temporary_folder.h"

namespace terrace::cli::os::huge_page_budget_test {
namespace {

class HugePageBudgetTest : public ::testing::Test {
 protected:
  void SetUp() override {
    files_ = {folder_.in("overcommit"), folder_.in("meminfo"), folder_.in("run/notes")};
    write(files_.overcommit, "10\n");
    write(files_.meminfo,
          "MemTotal:       2000000 kB\nMemAvailable:   1024000 kB\nHugePages_Total:       0\n"
          "Hugepagesize:       2048 kB\nDirectMap4k:    4 kB\n");
  }

  static void write(const std::string& path, const std::string& text) {
    std::ofstream(path) << text;
  }
  std::size_t notes() const {
    std::error_code none;
    return static_cast<std::size_t>(
        std::distance(std::filesystem::directory_iterator(files_.notes, none), {}));
  }
  /// A process that raises the limit and is killed before it can give it back.
  void raise_and_be_killed(Bytes need) const {
    const pid_t child = fork();
    if (child == 0) {
      const auto budget = HugePageBudget::raise(need, files_);
      kill(getpid(), SIGKILL);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));
  }
  int pages() const {
    int number = -1;
    std::ifstream(files_.overcommit) >> number;
    return number;
  }

  const testing_support::TemporaryFolder folder_;
  HugePageFiles files_;
};

TEST_F(HugePageBudgetTest, AddsWhatIsNeededAndGivesItBack) {
  {
    const auto budget = HugePageBudget::raise(Bytes(MiB(64).value + 1), files_);
    ASSERT_TRUE(budget.ok()) << budget.error().message;
    EXPECT_EQ(budget->added_pages(), 33u);
    EXPECT_EQ(pages(), 43);
  }
  EXPECT_EQ(pages(), 10);
}

TEST_F(HugePageBudgetTest, TakesAtMostFourFifthsOfTheAvailableMemory) {
  const auto budget = HugePageBudget::raise(GiB(64), files_);
  ASSERT_TRUE(budget.ok()) << budget.error().message;
  EXPECT_EQ(budget->added_pages(), 400u);  // 80 % of 1,024,000 kB in pages of 2 MiB
}

TEST_F(HugePageBudgetTest, LetsTwoOverlapInAnyOrder) {
  std::optional<HugePageBudget> first(std::move(*HugePageBudget::raise(MiB(20), files_)));
  std::optional<HugePageBudget> second(std::move(*HugePageBudget::raise(MiB(40), files_)));
  EXPECT_EQ(pages(), 40);
  first.reset();
  EXPECT_EQ(pages(), 30);
  second.reset();
  EXPECT_EQ(pages(), 10);
}

TEST_F(HugePageBudgetTest, DoesNotGoBelowZeroWhenSomebodyLoweredTheLimit) {
  {
    const auto budget = HugePageBudget::raise(MiB(20), files_);
    ASSERT_TRUE(budget.ok());
    write(files_.overcommit, "3\n");
  }
  EXPECT_EQ(pages(), 0);
}

TEST_F(HugePageBudgetTest, GivesBackOnceAfterAMove) {
  {
    auto budget = HugePageBudget::raise(MiB(20), files_);
    ASSERT_TRUE(budget.ok());
    const HugePageBudget moved = std::move(*budget);
    EXPECT_EQ(pages(), 20);
  }
  EXPECT_EQ(pages(), 10);
}

TEST_F(HugePageBudgetTest, GivesBackWhatAKilledOneLeft) {
  raise_and_be_killed(MiB(20));
  raise_and_be_killed(MiB(40));
  EXPECT_EQ(pages(), 30) << "the second gave back the first's";
  {
    const auto budget = HugePageBudget::raise(MiB(2), files_);
    ASSERT_TRUE(budget.ok());
    EXPECT_EQ(budget->mended_pages(), 20u);
    EXPECT_EQ(budget->added_pages(), 1u);
    EXPECT_EQ(pages(), 11);
    EXPECT_EQ(notes(), 1u);
  }
  EXPECT_EQ(pages(), 10);
  EXPECT_EQ(notes(), 0u);
}

TEST_F(HugePageBudgetTest, LeavesWhatALivingOneHasRaised) {
  const auto living = HugePageBudget::raise(MiB(20), files_);
  ASSERT_TRUE(living.ok());
  raise_and_be_killed(MiB(40));
  const auto next = HugePageBudget::raise(MiB(2), files_);
  ASSERT_TRUE(next.ok());
  EXPECT_EQ(next->mended_pages(), 20u);
  EXPECT_EQ(pages(), 21);
}

TEST_F(HugePageBudgetTest, RaisesWithoutANoteWhereNoneCanBeLeft) {
  write(folder_.in("run"), "no folder\n");
  {
    const auto budget = HugePageBudget::raise(MiB(20), files_);
    ASSERT_TRUE(budget.ok());
    EXPECT_EQ(pages(), 20);
  }
  EXPECT_EQ(pages(), 10);
}

TEST_F(HugePageBudgetTest, TakesNothingBackByAFileThatIsNoNote) {
  std::filesystem::create_directories(files_.notes);
  write(files_.notes + "/1", "");
  write(files_.notes + "/2", "what?\n");
  const auto budget = HugePageBudget::raise(MiB(20), files_);
  ASSERT_TRUE(budget.ok());
  EXPECT_EQ(budget->mended_pages(), 0u);
  EXPECT_EQ(pages(), 20);
}

TEST_F(HugePageBudgetTest, SaysWhatIsMissing) {
  files_.overcommit = folder_.in("absent");
  const auto absent = HugePageBudget::raise(MiB(2), files_);
  ASSERT_FALSE(absent.ok());
  EXPECT_EQ(absent.error().code, ErrorCode::kCapabilityMissing);

  write(files_.meminfo, "MemAvailable: 1024000 kB\n");
  const auto no_huge_pages = HugePageBudget::raise(MiB(2), files_);
  ASSERT_FALSE(no_huge_pages.ok());
  EXPECT_EQ(no_huge_pages.error().code, ErrorCode::kCapabilityMissing);
}

TEST_F(HugePageBudgetTest, LeavesAFileAloneThatHoldsNoNumber) {
  write(files_.overcommit, "what?\n");
  EXPECT_FALSE(HugePageBudget::raise(MiB(2), files_).ok());
  std::string text;
  std::ifstream(files_.overcommit) >> text;
  EXPECT_EQ(text, "what?");
}

}  // namespace
}  // namespace terrace::cli::os::huge_page_budget_test
