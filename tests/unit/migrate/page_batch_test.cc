// SPDX-License-Identifier: Apache-2.0
// One batch: what the kernel says and does not say, counted right.
#include "tiering/migrate/page_batch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <random>

#include "tests/logged_seed.h"
#include "tests/unit/migrate/fake_machine.h"

namespace terrace::migrate::page_batch_test {
namespace {

using testing::ElementsAre;
using testing::SizeIs;

constexpr std::uintptr_t kAt = std::uintptr_t{1} << 40;
constexpr std::uint64_t kPage = FakeMachine::kPage;

class PageBatchTest : public testing::Test {
 protected:
  BatchResult move(std::uint64_t pages, const std::vector<int>& nodes = {1}) {
    std::vector<NodeId> tier;
    for (const int node : nodes) tier.push_back(NodeId{node});
    return move_pages_of(machine_.kernel(), 0, {kAt, kAt + pages * kPage, Bytes(kPage)}, tier);
  }
  static std::uint64_t pages(const BatchResult& result, Outcome outcome) {
    return result.of(outcome).value / kPage;
  }
  FakeMachine::State& page(std::uint64_t index) { return machine_.page(kAt + index * kPage); }

  FakeMachine machine_;
};

TEST_F(PageBatchTest, AsksFirstAndSendsOnlyStrangers) {
  machine_.map(kAt, Bytes(8 * kPage), 0);
  page(0).node = 1;
  page(3).node = -ENOENT;
  page(5).node = -EFAULT;  // the page of zeros
  const BatchResult result = move(8);
  EXPECT_EQ(pages(result, Outcome::kAlreadyThere), 1u);
  EXPECT_EQ(pages(result, Outcome::kNotPresent), 2u);
  EXPECT_EQ(pages(result, Outcome::kMoved), 5u);
  EXPECT_THAT(machine_.calls, ElementsAre(5u));
}

TEST_F(PageBatchTest, NothingIsSentWhenAllIsThere) {
  machine_.map(kAt, Bytes(8 * kPage), 1);
  EXPECT_EQ(pages(move(8), Outcome::kAlreadyThere), 8u);
  EXPECT_THAT(machine_.calls, SizeIs(0));
}

TEST_F(PageBatchTest, CausesAreTold) {
  machine_.map(kAt, Bytes(8 * kPage), 0);
  page(0).refuses_with = EACCES;
  page(1).refuses_with = EHWPOISON;
  page(2).refuses_with = EXDEV;
  page(3).refuses_with = EPERM;
  page(4).refuses_with = EBUSY;
  const BatchResult result = move(8);
  EXPECT_EQ(pages(result, Outcome::kShared), 1u);
  EXPECT_EQ(pages(result, Outcome::kPoisoned), 1u);
  EXPECT_EQ(pages(result, Outcome::kOther), 1u);
  EXPECT_EQ(result.other_errno, EXDEV);
  EXPECT_EQ(pages(result, Outcome::kNotAllowed), 1u);
  EXPECT_EQ(pages(result, Outcome::kBusy), 1u);
  EXPECT_EQ(pages(result, Outcome::kMoved), 3u);
}

TEST_F(PageBatchTest, ABusyPageIsTriedTwice) {
  machine_.map(kAt, Bytes(8 * kPage), 0);
  page(2).busy_for = 1;
  page(6).busy_for = 2;
  const BatchResult result = move(8);
  EXPECT_EQ(pages(result, Outcome::kMoved), 7u);
  EXPECT_EQ(pages(result, Outcome::kBusy), 1u);
  EXPECT_THAT(machine_.calls, ElementsAre(8u, 2u));
}

TEST_F(PageBatchTest, GoesOnBehindTheRunThatTheKernelStoppedAt) {
  machine_.map(kAt, Bytes(12 * kPage), 0);
  page(1).moves = false;          // stays, so its run has no status
  page(3).refuses_with = EACCES;  // ends that run; 4 to 11 are not tried
  page(6).moves = false;
  page(7).refuses_with = EACCES;
  const BatchResult result = move(12);
  EXPECT_EQ(pages(result, Outcome::kMoved), 8u);
  EXPECT_EQ(pages(result, Outcome::kBusy), 2u);
  EXPECT_EQ(pages(result, Outcome::kShared), 2u);
}

TEST_F(PageBatchTest, WorkGrowsWithFailuresOnlyLinearly) {
  machine_.map(kAt, Bytes(512 * kPage), 0);
  for (std::uint64_t i = 0; i < 512; i += 4) {
    page(i).moves = false;
    page(i + 1).refuses_with = EACCES;
  }
  const BatchResult result = move(512);
  EXPECT_EQ(pages(result, Outcome::kMoved), 256u);
  EXPECT_EQ(pages(result, Outcome::kBusy), 128u);
  EXPECT_EQ(pages(result, Outcome::kShared), 128u);
  EXPECT_LE(machine_.calls.size(), 130u);
}

TEST_F(PageBatchTest, ACallThatIsRefusedAsAWholeIsToldAsSuch) {
  const std::pair<int, Outcome> cases[] = {{EACCES, Outcome::kNotAllowed},
                                           {EPERM, Outcome::kNotAllowed},
                                           {ENODEV, Outcome::kOther},
                                           {ESRCH, Outcome::kOther}};
  machine_.map(kAt, Bytes(4 * kPage), 0);
  for (const auto& [error, outcome] : cases) {
    machine_.move_error = [wanted = error] { return wanted; };
    const BatchResult result = move(4);
    EXPECT_EQ(pages(result, outcome), 4u) << error;
    EXPECT_EQ(result.other_errno, outcome == Outcome::kOther ? error : 0);
  }
}

TEST_F(PageBatchTest, AQuestionThatIsRefusedIsToldToo) {
  machine_.map(kAt, Bytes(4 * kPage), 0);
  machine_.query_error = [] { return EPERM; };
  EXPECT_EQ(pages(move(4), Outcome::kNotAllowed), 4u);
  machine_.query_error = [] { return ESRCH; };
  const BatchResult gone = move(4);
  EXPECT_EQ(pages(gone, Outcome::kOther), 4u);
  EXPECT_EQ(gone.other_errno, ESRCH);
}

TEST_F(PageBatchTest, HugePagesAreSentByOneAddressAndCountedWhole) {
  machine_.map(kAt, MiB(6), 0);
  machine_.make_huge(kAt);
  machine_.make_huge(kAt + MiB(4).value);
  EXPECT_EQ(pages(move(3 * 512), Outcome::kMoved), 3u * 512);
  EXPECT_THAT(machine_.calls, ElementsAre(1u + 512u + 1u));
  EXPECT_EQ(machine_.pages_on(1), 3u * 512);
}

TEST_F(PageBatchTest, WithoutTheScanHugePagesGoBySmallAddresses) {
  machine_.map(kAt, MiB(4), 0);
  machine_.make_huge(kAt);
  machine_.huge_error = ENOTTY;
  EXPECT_EQ(pages(move(2 * 512), Outcome::kMoved), 2u * 512)
      << "the second address is called busy and has moved all the same";
}

TEST_F(PageBatchTest, AHugePageThatWasSplitIsCountedBySmallPages) {
  machine_.map(kAt, MiB(2), 0);
  machine_.make_huge(kAt);
  machine_.set_room(1, 200);
  const BatchResult result = move(512);
  EXPECT_EQ(pages(result, Outcome::kMoved), 200u);
  EXPECT_EQ(result.of(Outcome::kMoved).value + result.of(Outcome::kBusy).value +
                result.of(Outcome::kNoMemory).value,
            MiB(2).value);
  EXPECT_EQ(machine_.pages_on(1), 200u);
}

TEST_F(PageBatchTest, AFullNodeIsToldByPage) {
  machine_.map(kAt, Bytes(10 * kPage), 0);
  machine_.set_room(1, 4);
  const BatchResult result = move(10);
  EXPECT_EQ(pages(result, Outcome::kMoved), 4u);
  EXPECT_EQ(pages(result, Outcome::kNoMemory), 6u);
}

TEST_F(PageBatchTest, PagesGoToTheNearestNodeOfATier) {
  machine_.map(kAt, Bytes(10 * kPage), 0);
  for (std::uint64_t i = 5; i < 10; ++i) page(i).node = 1;
  machine_.set_distance(0, 2, 14);
  machine_.set_distance(0, 3, 24);
  machine_.set_distance(1, 2, 24);
  machine_.set_distance(1, 3, 14);
  EXPECT_EQ(pages(move(10, {2, 3}), Outcome::kMoved), 10u);
  for (std::uint64_t i = 0; i < 10; ++i) EXPECT_EQ(page(i).node, i < 5 ? 2 : 3) << i;
}

TEST_F(PageBatchTest, APageOnAnyNodeOfTheTierIsThere) {
  machine_.map(kAt, Bytes(2 * kPage), 2);
  page(1).node = 3;
  EXPECT_EQ(pages(move(2, {2, 3}), Outcome::kAlreadyThere), 2u);
}

TEST_F(PageBatchTest, EquallyNearNodesShareByFreeMemory) {
  machine_.map(kAt, Bytes(10 * kPage), 0);
  machine_.set_free(2, Bytes(6 * kPage));
  machine_.set_free(3, Bytes(10 * kPage));
  EXPECT_EQ(pages(move(10, {2, 3}), Outcome::kMoved), 10u);
  EXPECT_EQ(machine_.pages_on(2), 3u) << "both have 3 pages left";
  EXPECT_EQ(machine_.pages_on(3), 7u);
}

TEST_F(PageBatchTest, WhatDoesNotFitTheNearestGoesToTheNext) {
  machine_.map(kAt, Bytes(10 * kPage), 0);
  machine_.set_distance(0, 2, 14);
  machine_.set_room(2, 4);
  machine_.set_room(3, 5);
  const BatchResult result = move(10, {2, 3});
  EXPECT_EQ(pages(result, Outcome::kMoved), 9u);
  EXPECT_EQ(pages(result, Outcome::kNoMemory), 1u);
}

/// Whatever the kernel answers: every byte is counted once, kMoved is what is there now, and what
/// could move did.
TEST_F(PageBatchTest, CountsHoldForAnyMixture) {
  std::mt19937 random(testing_support::logged_seed());
  for (int round = 0; round < 60; ++round) {
    machine_.reset();
    machine_.map(kAt, MiB(6), 0);
    if (round % 3 == 0) machine_.make_huge(kAt + MiB(2).value);
    std::uint64_t able = 0;
    for (std::uint64_t i = 0; i < 3 * 512; ++i) {
      const bool in_huge = round % 3 == 0 && i / 512 == 1;
      const auto dice = random() % 100;
      if (!in_huge && dice < 10) page(i).refuses_with = EACCES;
      if (!in_huge && dice >= 10 && dice < 20) page(i).moves = false;
      if (!in_huge && dice >= 20 && dice < 25) page(i).node = -ENOENT;
      if (!in_huge && dice >= 25 && dice < 30) page(i).busy_for = 1;
      if (in_huge || dice >= 25) ++able;
    }
    const BatchResult result = move(3 * 512);
    std::uint64_t all = 0;
    for (const std::uint64_t bytes : result.bytes) all += bytes;
    EXPECT_EQ(all, MiB(6).value);
    EXPECT_EQ(pages(result, Outcome::kMoved), able);
    EXPECT_EQ(machine_.pages_on(1), able);
  }
}

}  // namespace
}  // namespace terrace::migrate::page_batch_test
