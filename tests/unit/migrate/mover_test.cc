// SPDX-License-Identifier: Apache-2.0
// Orders over a machine whose every answer is chosen: order, pause, cancel, limit, refusals.
#include "tiering/migrate/mover.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cerrno>
#include <latch>
#include <thread>

#include "tests/unit/migrate/fake_machine.h"

namespace terrace::migrate::mover_test {
namespace {

using testing::HasSubstr;

constexpr std::uintptr_t kAt = std::uintptr_t{1} << 40;
constexpr std::uint64_t kPagesPerBlock = kBlockBytes.value / FakeMachine::kPage;

class MoverTest : public testing::Test {
 protected:
  MoverTest() {
    slow_.name = "cxl";
    slow_.nodes = {NodeId{1}};
    fast_.name = "dram";
    fast_.nodes = {NodeId{0}};
  }

  void start(int threads, Bytes batch, Bytes limit = Bytes(0)) {
    MoverOptions options;
    options.threads = threads;
    options.batch = batch;
    options.bytes_per_second = limit;
    auto made = Mover::create(options, machine_.kernel());
    ASSERT_TRUE(made) << made.error().message;
    mover_ = std::move(*made);
  }
  MoveOrder order(std::uint64_t blocks, const Tier& to) const {
    MoveOrder made;
    made.at = reinterpret_cast<void*>(kAt);
    made.size = Bytes(blocks << kBlockShift);
    made.to = &to;
    return made;
  }

  FakeMachine machine_;
  Tier slow_;
  Tier fast_;
  std::unique_ptr<Mover> mover_;
};

TEST_F(MoverTest, RefusesOptionsOutOfRange) {
  MoverOptions options;
  options.threads = 0;
  EXPECT_EQ(Mover::create(options).error().code, ErrorCode::kUsage);
  options.threads = 1;
  options.batch = KiB(4);
  const auto made = Mover::create(options);
  ASSERT_FALSE(made);
  EXPECT_THAT(made.error().message, HasSubstr("multiple of 2M"));
}

TEST_F(MoverTest, MovesARangeInBatches) {
  machine_.map(kAt, MiB(16), 0);
  start(2, MiB(4));
  const MoveReport report = mover_->move(order(8, slow_));
  EXPECT_TRUE(report.complete());
  EXPECT_EQ(report.refused, "");
  EXPECT_EQ(report.page_size, KiB(4));
  EXPECT_EQ(report.count(Outcome::kMoved), 8 * kPagesPerBlock);
  EXPECT_EQ(report.moved, MiB(16));
  EXPECT_EQ(machine_.calls.size(), 4u);
  EXPECT_EQ(machine_.pages_on(1), 8 * kPagesPerBlock);
}

TEST_F(MoverTest, WidensTheEndsToWholePages) {
  machine_.map(kAt, MiB(2), 0);
  start(1, MiB(2));
  MoveOrder some;
  some.at = reinterpret_cast<void*>(kAt + 4096 + 5);
  some.size = Bytes(4096);
  some.to = &slow_;
  const MoveReport report = mover_->move(some);
  EXPECT_EQ(report.count(Outcome::kMoved), 2u);
  EXPECT_EQ(machine_.node_of(kAt), 0);
  EXPECT_EQ(machine_.node_of(kAt + 4096), 1);
  EXPECT_EQ(machine_.node_of(kAt + 8192), 1);
  EXPECT_EQ(machine_.node_of(kAt + 12288), 0);
}

TEST_F(MoverTest, BatchesEndAtBlocksSoThatNoHugePageIsInTwo) {
  machine_.map(kAt, MiB(6), 0);
  machine_.make_huge(kAt + MiB(2).value);
  start(1, MiB(2));
  MoveOrder some = order(2, slow_);
  some.at = reinterpret_cast<void*>(kAt + KiB(1024).value);
  const MoveReport report = mover_->move(some);
  EXPECT_EQ(report.moved, MiB(4));
  EXPECT_THAT(machine_.calls, testing::ElementsAre(256u, 1u, 256u));
}

TEST_F(MoverTest, CountsWhatIsNotMapped) {
  machine_.map(kAt, MiB(2), 0);
  machine_.map(kAt + MiB(4).value, MiB(2), 0);
  start(2, MiB(2));
  const MoveReport report = mover_->move(order(3, slow_));
  EXPECT_EQ(report.count(Outcome::kMoved), 2 * kPagesPerBlock);
  EXPECT_EQ(report.count(Outcome::kNotMapped), kPagesPerBlock);
  EXPECT_FALSE(report.complete());
}

TEST_F(MoverTest, RefusesWithTheReason) {
  machine_.map(kAt, MiB(2), 0);
  start(1, MiB(2));
  MoveOrder empty = order(0, slow_);
  EXPECT_THAT(mover_->move(empty).refused, HasSubstr("empty"));
  MoveOrder nowhere = order(1, slow_);
  nowhere.at = reinterpret_cast<void*>(kAt + GiB(1).value);
  EXPECT_THAT(mover_->move(nowhere).refused, HasSubstr("nothing is mapped at 0x10040000000"));
  MoveOrder no_tier = order(1, slow_);
  no_tier.to = nullptr;
  EXPECT_THAT(mover_->move(no_tier).refused, HasSubstr("no tier"));
  Tier no_nodes;
  no_nodes.name = "void";
  EXPECT_THAT(mover_->move(order(1, no_nodes)).refused, HasSubstr("void has no NUMA node"));
  Tier link = slow_;
  link.backing = BackingKind::kEmulatedLink;
  EXPECT_THAT(mover_->move(order(1, link)).refused, HasSubstr("emulated link"));
  machine_.mapping(0).locked = true;
  EXPECT_THAT(mover_->move(order(1, slow_)).refused, HasSubstr("munlock"));
  machine_.mapping(0).locked = false;
  machine_.mapping(0).device = true;
  EXPECT_THAT(mover_->move(order(1, slow_)).refused, HasSubstr("device's own memory"));
  EXPECT_TRUE(machine_.calls.empty());
  EXPECT_TRUE(machine_.preferred.empty()) << "a refused range keeps its policy";
}

TEST_F(MoverTest, PinnedRangesAreRefusedWhole) {
  machine_.map(kAt, MiB(4), 0);
  start(1, MiB(2));
  const void* last_page = reinterpret_cast<const void*>(kAt + MiB(4).value - 4096);
  mover_->pin(last_page, KiB(4), "registered with the network card");
  const MoveReport refused = mover_->move(order(2, slow_));
  EXPECT_EQ(refused.refused, "pinned: registered with the network card");
  EXPECT_FALSE(refused.complete());
  EXPECT_TRUE(mover_->move(order(1, slow_)).complete()) << "the rest is free";
  mover_->unpin(last_page);
  EXPECT_TRUE(mover_->move(order(2, slow_)).complete());
}

TEST_F(MoverTest, LaterPagesFollowUnlessAskedNotTo) {
  machine_.map(kAt, MiB(4), 0);
  machine_.prefer_error = [] { return EPERM; };
  start(1, MiB(4));
  EXPECT_EQ(mover_->move(order(2, slow_)).policy_errno, EPERM);
  ASSERT_EQ(machine_.preferred.size(), 1u);
  EXPECT_EQ(machine_.preferred[0].begin, kAt);
  EXPECT_EQ(machine_.preferred[0].size, MiB(4));
  EXPECT_EQ(machine_.preferred[0].nodes, 1u << 1);
  MoveOrder other = order(2, fast_);
  other.pid = 1;
  EXPECT_EQ(mover_->move(other).policy_errno, 0) << "mbind is for one's own memory";
  EXPECT_EQ(machine_.preferred.size(), 1u);
  MoverOptions options;
  options.policy = Policy::kLeave;
  auto leaving = Mover::create(options, machine_.kernel());
  ASSERT_TRUE(leaving);
  EXPECT_TRUE((*leaving)->move(order(2, slow_)).complete());
  EXPECT_EQ(machine_.preferred.size(), 1u);
}

TEST_F(MoverTest, OrdersRunInTheOrderOfSubmission) {
  machine_.map(kAt, MiB(16), 0);
  start(2, MiB(2));
  mover_->pause();
  std::vector<Mover::Ticket> tickets;
  for (int i = 0; i < 6; ++i)
    tickets.push_back(mover_->submit(order(8, i % 2 == 0 ? slow_ : fast_)));
  mover_->resume();
  for (const Mover::Ticket ticket : tickets) {
    EXPECT_EQ(mover_->wait(ticket).moved, MiB(16)) << "each undoes the one before";
  }
  EXPECT_EQ(machine_.pages_on(0), 8 * kPagesPerBlock);
}

TEST_F(MoverTest, ATicketIsGoodForOneWait) {
  machine_.map(kAt, MiB(2), 0);
  start(1, MiB(2));
  const Mover::Ticket ticket = mover_->submit(order(1, slow_));
  EXPECT_TRUE(mover_->wait(ticket).complete());
  EXPECT_THAT(mover_->wait(ticket).refused, HasSubstr("no such ticket"));
}

TEST_F(MoverTest, CancelTakesEffectAtTheNextBatch) {
  machine_.map(kAt, MiB(16), 0);
  start(1, MiB(2));
  std::atomic<Mover::Ticket> ticket{0};
  mover_->pause();
  machine_.on_move = [&](int call) {
    if (call == 3) mover_->cancel(ticket);
  };
  ticket = mover_->submit(order(8, slow_));
  mover_->resume();
  const MoveReport report = mover_->wait(ticket);
  EXPECT_EQ(report.count(Outcome::kMoved), 3 * kPagesPerBlock) << "the third was under way";
  EXPECT_EQ(report.count(Outcome::kCancelled), 5 * kPagesPerBlock);
  EXPECT_FALSE(report.complete());
}

TEST_F(MoverTest, AnOrderCancelledBeforeItBeganMovesNothing) {
  machine_.map(kAt, MiB(4), 0);
  start(1, MiB(2));
  mover_->pause();
  const Mover::Ticket first = mover_->submit(order(2, slow_));
  const Mover::Ticket second = mover_->submit(order(2, slow_));
  mover_->cancel(second);
  mover_->cancel(first);
  EXPECT_EQ(mover_->wait(first).count(Outcome::kCancelled), 2 * kPagesPerBlock);
  EXPECT_EQ(mover_->wait(second).count(Outcome::kCancelled), 2 * kPagesPerBlock);
  mover_->cancel(second);
  EXPECT_TRUE(machine_.calls.empty());
}

TEST_F(MoverTest, PauseHoldsTheNextBatchAndItsTimeDoesNotCount) {
  machine_.map(kAt, MiB(8), 0);
  start(1, MiB(2));  // another's batch would end within the pause or before it
  std::latch paused(1);
  machine_.on_move = [&](int call) {
    machine_.advance(milliseconds(1));
    if (call != 2) return;
    mover_->pause();
    paused.count_down();
  };
  const Mover::Ticket ticket = mover_->submit(order(4, slow_));
  paused.wait();
  machine_.advance(milliseconds(5000));
  mover_->resume();
  const MoveReport report = mover_->wait(ticket);
  EXPECT_TRUE(report.complete());
  EXPECT_EQ(report.elapsed, milliseconds(4)) << "four calls of a millisecond";
}

TEST_F(MoverTest, DestructionCancelsAndWaits) {
  machine_.map(kAt, MiB(64), 0);
  start(2, MiB(2));
  mover_->pause();
  mover_->submit(order(32, slow_));
  mover_->submit(order(32, fast_));
  mover_.reset();
  EXPECT_TRUE(machine_.calls.empty());
}

TEST_F(MoverTest, BatchesOfOneOrderRunSideBySide) {
  if (std::thread::hardware_concurrency() < 2) GTEST_SKIP() << "needs two processors";
  machine_.map(kAt, MiB(4), 0);
  start(2, MiB(2));
  std::latch both(2);
  machine_.on_move = [&](int) { both.arrive_and_wait(); };  // ends only if two are in it at once
  EXPECT_TRUE(mover_->move(order(2, slow_)).complete());
}

TEST_F(MoverTest, TheLimitIsExact) {
  machine_.map(kAt, MiB(64), 0);
  start(2, MiB(2), MiB(10));
  const Nanoseconds begun = machine_.now();
  const MoveReport report = mover_->move(order(32, slow_));
  EXPECT_TRUE(report.complete());
  // The first batch goes at once, the other 31 are paid for at 10 MiB/s.
  EXPECT_EQ(machine_.now() - begun, milliseconds(31 * 200));
  EXPECT_EQ(report.elapsed, milliseconds(31 * 200));
}

TEST_F(MoverTest, WhatNeedsNoMoveIsFree) {
  machine_.map(kAt, MiB(64), 1);
  start(2, MiB(2), Bytes(1));
  const Nanoseconds begun = machine_.now();
  EXPECT_EQ(mover_->move(order(32, slow_)).count(Outcome::kAlreadyThere), 32 * kPagesPerBlock);
  EXPECT_LE((machine_.now() - begun).value, 1u);
}

TEST_F(MoverTest, TheLimitHoldsOverAllOrders) {
  machine_.map(kAt, MiB(8), 0);
  start(1, MiB(2), MiB(2));
  const Nanoseconds begun = machine_.now();
  for (int i = 0; i < 4; ++i)
    EXPECT_TRUE(mover_->move(order(4, i % 2 == 0 ? slow_ : fast_)).complete());
  EXPECT_EQ(machine_.now() - begun, milliseconds(15 * 1000));
}

/// Blocks that move two MiB at a time and wait for the limit after the first. The clock stands
/// still: only a notification ends the wait.
class MoverAtItsLimit : public MoverTest {
 protected:
  void start_and_wait() {
    machine_.map(kAt, MiB(6), 0);
    Kernel kernel = machine_.kernel();
    kernel.wait = [this](std::condition_variable& changed, std::unique_lock<std::mutex>& lock,
                         std::optional<Nanoseconds> until) {
      if (until && first_.exchange(false)) waiting_.count_down();
      changed.wait(lock);
    };
    MoverOptions options;
    options.batch = MiB(2);
    options.bytes_per_second = Bytes(1);
    auto made = Mover::create(options, kernel);
    ASSERT_TRUE(made);
    mover_ = std::move(*made);
    ticket_ = mover_->submit(order(3, slow_));
    waiting_.wait();
  }
  void TearDown() override { mover_.reset(); }  // its thread uses what is below

  Mover::Ticket ticket_ = 0;

 private:
  std::latch waiting_{1};
  std::atomic<bool> first_{true};
};

TEST_F(MoverAtItsLimit, ANewLimitWakesWhoWaitsForTheOld) {
  start_and_wait();
  EXPECT_EQ(machine_.calls.size(), 1u);
  mover_->set_limit(Bytes(0));
  EXPECT_TRUE(mover_->wait(ticket_).complete());
}

TEST_F(MoverAtItsLimit, CancelWakesWhoWaitsForTheLimit) {
  start_and_wait();
  mover_->cancel(ticket_);
  EXPECT_EQ(mover_->wait(ticket_).count(Outcome::kCancelled), 2 * kPagesPerBlock);
}

}  // namespace
}  // namespace terrace::migrate::mover_test
