// SPDX-License-Identifier: Apache-2.0
// Random operation lists against a link: bandwidth is conserved, and each requested block arrives
// exactly once unless it was cancelled.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <vector>

#include "allocators/backing/link_clock.h"
#include "tests/logged_seed.h"

namespace terrace::backing::link_clock_property_test {
namespace {

/// One link and what a bystander knows about it.
class Bystander {
 public:
  explicit Bystander(std::uint32_t seed) : random_(seed) {
    transfer_ = 1 + random_() % 5000;
    latency_ = random_() % 3000;
    clock_.configure(Nanoseconds(transfer_), Nanoseconds(latency_));
  }

  void run(int operations) {
    for (int i = 0; i < operations; ++i) {
      now_ += random_() % (transfer_ * 2);
      step();
      if (testing::Test::HasFailure()) return;
    }
    now_ += (outstanding_.size() + 2) * transfer_ + latency_ + 1;
    take_all();
    EXPECT_TRUE(outstanding_.empty()) << outstanding_.size() << " blocks never arrived";
    EXPECT_EQ(clock_.next_arrival(), kNever);
  }

 private:
  void step() {
    switch (random_() % 6) {
      case 0:
      case 1:
        request(Urgency::kDemand);
        break;
      case 2:
        for (int i = 0; i < 4; ++i) request(Urgency::kAhead);
        break;
      case 3:
        if (const std::uint32_t block = pick(); block != 0) clock_.raise(block, Nanoseconds(now_));
        break;
      case 4:
        if (random_() % 4 == 0) cancel();
        break;
      default:
        take_all();
    }
  }

  void request(Urgency urgency) {
    const std::uint32_t block = ++last_block_;
    if (clock_.request(block, urgency, Nanoseconds(now_))) outstanding_[block] = now_;
  }

  void cancel() {
    const std::uint32_t block = pick();
    if (block == 0) return;
    clock_.cancel(block, Nanoseconds(now_));
    outstanding_.erase(block);
  }

  std::uint32_t pick() {
    if (outstanding_.empty()) return 0;
    auto at = outstanding_.begin();
    std::advance(at, static_cast<long>(random_() % outstanding_.size()));
    return at->first;
  }

  void take_all() {
    Arrival arrival;
    while (clock_.take_arrival(Nanoseconds(now_), arrival)) {
      const auto known = outstanding_.find(arrival.block);
      ASSERT_NE(known, outstanding_.end()) << "block " << arrival.block << " arrived unasked";
      EXPECT_LE(arrival.at.value, now_);
      EXPECT_GE(arrival.at.value, known->second + transfer_ + latency_)
          << "faster than the link for a single block";
      EXPECT_GE(arrival.at.value, last_arrival_);
      last_arrival_ = arrival.at.value;
      outstanding_.erase(known);
      ++delivered_;
      // Sent whole, one after the other, since time 0: never more than bandwidth * time.
      EXPECT_LE(delivered_ * transfer_, arrival.at.value - latency_);
    }
  }

  std::mt19937 random_;
  LinkClock clock_;
  std::uint64_t transfer_ = 1;
  std::uint64_t latency_ = 0;
  std::uint64_t now_ = 0;
  std::uint64_t delivered_ = 0;
  std::uint64_t last_arrival_ = 0;
  std::uint32_t last_block_ = 0;
  std::map<std::uint32_t, std::uint64_t> outstanding_;
};

TEST(LinkClockProperty, ConservesBandwidthAndDeliversEachBlockOnce) {
  const std::uint32_t first = testing_support::logged_seed();
  for (std::uint32_t i = 0; i < 300; ++i) {
    SCOPED_TRACE(testing::Message() << "TERRACE_SEED=" << first + i);
    Bystander(first + i).run(400);
    if (HasFailure()) return;
  }
}

/// A backlog that never runs dry uses the whole bandwidth, however demands interrupt read-ahead.
TEST(LinkClockProperty, BusyLinkWastesNoTime) {
  std::mt19937 random(testing_support::logged_seed());
  constexpr std::uint64_t kTransfer = 1000;
  LinkClock clock;
  clock.configure(Nanoseconds(kTransfer), Nanoseconds(123));
  std::uint64_t now = 0;
  std::uint32_t requested = 0;
  for (; requested < 60; ++requested) {
    const Urgency urgency = random() % 3 == 0 ? Urgency::kDemand : Urgency::kAhead;
    ASSERT_TRUE(clock.request(requested, urgency, Nanoseconds(now)));
    now += random() % 900;  // slower than the requests come, so there is always one waiting
  }
  Arrival arrival;
  std::vector<bool> seen(requested, false);
  std::uint64_t last = 0;
  for (std::uint32_t i = 0; i < requested; ++i) {
    ASSERT_TRUE(clock.take_arrival(Nanoseconds(now + requested * kTransfer), arrival));
    EXPECT_FALSE(seen[arrival.block]);
    seen[arrival.block] = true;
    last = arrival.at.value;
  }
  EXPECT_EQ(last, requested * kTransfer + 123);
}

}  // namespace
}  // namespace terrace::backing::link_clock_property_test
