// SPDX-License-Identifier: Apache-2.0
// Threads submit, wait, cancel, pause, limit and pin at the same time, over a machine of the tests'
// own with two nodes and pages that are busy now and then. A bounded number of operations; in the
// end every page was counted once for each order that named it.
#include <gtest/gtest.h>

#include <random>
#include <thread>
#include <vector>

#include "tests/unit/migrate/fake_machine.h"
#include "tiering/migrate/mover.h"

namespace terrace::migrate {
namespace {

constexpr std::uintptr_t kAt = std::uintptr_t{1} << 40;
constexpr std::uint64_t kBlocks = 16;
constexpr int kThreads = 4;
constexpr int kOrders = 60;  ///< of each thread

std::uint64_t sum(const MoveReport& report) {
  std::uint64_t all = 0;
  for (const std::uint64_t pages : report.pages) all += pages;
  return all;
}

TEST(MoverStress, ManyThreadsGiveOrdersAndTakeThemBack) {
  FakeMachine machine;
  machine.map(kAt, Bytes(kBlocks << kBlockShift), 0);
  for (std::uint64_t page = 0; page < kBlocks * 512; page += 97) {
    machine.page(kAt + page * FakeMachine::kPage).busy_for = 3;
  }
  Tier tiers[2];
  for (int node = 0; node < 2; ++node) {
    tiers[node].name = "node";
    tiers[node].nodes = {NodeId{node}};
  }
  MoverOptions options;
  options.batch = MiB(4);
  auto made = Mover::create(options, machine.kernel());
  ASSERT_TRUE(made);
  Mover& mover = **made;
  const auto work = [&](unsigned seed) {
    std::mt19937 random(seed);
    for (int i = 0; i < kOrders; ++i) {
      const std::uint64_t first = random() % kBlocks;
      const std::uint64_t count = 1 + random() % (kBlocks - first);
      MoveOrder order;
      order.at = reinterpret_cast<void*>(kAt + (first << kBlockShift));
      order.size = Bytes(count << kBlockShift);
      order.to = &tiers[random() % 2];
      const Mover::Ticket ticket = mover.submit(order);
      const auto dice = random() % 8;
      if (dice == 0) mover.cancel(ticket);
      if (dice == 1) mover.pause();
      if (dice == 2) mover.set_limit(Bytes(random() % 2 == 0 ? 0 : GiB(1).value));
      if (dice == 3) mover.pin(order.at, KiB(4), "stress");
      mover.resume();
      const MoveReport report = mover.wait(ticket);
      if (report.refused.empty()) {
        EXPECT_EQ(sum(report), count * 512);
      } else {
        EXPECT_EQ(report.refused, "pinned: stress");
        EXPECT_EQ(sum(report), 0u);
      }
      if (dice == 3) mover.unpin(order.at);
    }
  };
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < kThreads; ++i) threads.emplace_back(work, i + 1);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(machine.pages_on(0) + machine.pages_on(1), kBlocks * 512);
}

TEST(MoverStress, EndsInTheMiddleOfOrders) {
  FakeMachine machine;
  machine.map(kAt, Bytes(kBlocks << kBlockShift), 0);
  Tier tier;
  tier.name = "node";
  tier.nodes = {NodeId{1}};
  MoverOptions options;
  options.batch = MiB(2);
  for (int i = 0; i < 20; ++i) {
    auto made = Mover::create(options, machine.kernel());
    ASSERT_TRUE(made);
    for (int k = 0; k < 4; ++k) {
      (*made)->submit({reinterpret_cast<void*>(kAt), Bytes(kBlocks << kBlockShift), &tier, 0});
    }
  }
}

}  // namespace
}  // namespace terrace::migrate
