// SPDX-License-Identifier: Apache-2.0
// Random workloads, tiers and policies: what must hold whatever they are.
#include <gtest/gtest.h>

#include <numeric>

#include "tests/fuzz/mutate.h"
#include "tiering/policy/registry.h"
#include "tiering/simulate/comparison.h"
#include "tiering/simulate/offline_optimum.h"
#include "tiering/simulate/replay.h"

namespace terrace::simulate::simulator_property_test {
namespace {

constexpr std::uint32_t kBlocks = 96;

policy::Machine random_machine(std::mt19937& random) {
  policy::Machine machine;
  double seconds = 1e-11;
  const std::size_t tiers = 2 + random() % 2;
  for (std::size_t i = 0; i < tiers; ++i) {
    machine.seconds_per_byte.push_back(seconds);
    machine.idle_latency_ns.push_back(100.0 * static_cast<double>(i + 1));
    machine.capacity_blocks.push_back(1 + random() % kBlocks);
    seconds *= 1 + static_cast<double>(random() % 60) / 10;
  }
  machine.capacity_blocks.back() = kBlocks;
  machine.engine_seconds_per_byte = 1e-11 * (1 + static_cast<double>(random() % 4));
  return machine;
}

// Objects of random length; each step reads random pieces; a pool's blocks come and go.
class RandomWorkload {
 public:
  explicit RandomWorkload(std::mt19937& random) : random_(random), alive_(kBlocks, 0) {
    layout_.add("weights", kBlocks / 2);
    layout_.add("pool", kBlocks / 2);
  }
  const policy::Layout& layout() const { return layout_; }
  bool alive(std::uint32_t block) const { return alive_[block]; }

  std::vector<Event> step() {
    std::vector<Event> events;
    if (step_++ == 0) add(EventKind::kAllocate, 0, kBlocks / 2, events);
    for (std::uint32_t b = kBlocks / 2; b < kBlocks; ++b) {
      if (random_() % 16 == 0) {
        add(alive_[b] ? EventKind::kRelease : EventKind::kAllocate, b, 1, events);
      }
    }
    if (random_() % 4 != 0) stream(0, kBlocks / 2, events);
    for (int i = 0; i < 20; ++i) {
      const auto b = static_cast<std::uint32_t>(random_() % kBlocks);
      const EventKind kind = random_() % 2 == 0 ? EventKind::kRoute : EventKind::kStream;
      if (alive_[b]) events.push_back({kind, b, 1});
      if (random_() % 5 == 0) events.push_back({EventKind::kPhaseEnd, 0, 0});
    }
    return events;
  }

 private:
  void add(EventKind kind, std::uint32_t first, std::uint32_t count, std::vector<Event>& events) {
    events.push_back({kind, first, count});
    for (std::uint32_t i = 0; i < count; ++i) alive_[first + i] = kind == EventKind::kAllocate;
  }

  std::mt19937& random_;
  policy::Layout layout_;
  std::vector<char> alive_;
  int step_ = 0;
};

void expect_sound(const Replay& replay, const RandomWorkload& workload,
                  const policy::Machine& machine, const char* name) {
  std::vector<std::uint64_t> used(machine.tiers(), 0);
  for (std::uint32_t b = 0; b < kBlocks; ++b) {
    const std::uint8_t tier = replay.table().tier_of(b);
    ASSERT_EQ(tier != policy::kNowhere, workload.alive(b)) << name << " block " << b;
    if (tier != policy::kNowhere) ++used[tier];
  }
  for (std::size_t tier = 0; tier < used.size(); ++tier) {
    ASSERT_EQ(used[tier] + replay.table().free_blocks(tier), machine.capacity_blocks[tier]) << name;
  }
  const ReplayTotals& totals = replay.totals();
  ASSERT_LE(totals.blocks_hit, totals.blocks_read) << name;
  const double engine = machine.engine_seconds_per_byte * 2097152.0;
  ASSERT_GE(totals.seconds, engine * static_cast<double>(totals.blocks_read) * (1 - 1e-9)) << name;
}

TEST(SimulatorProperty, KeepsCapacitiesAndNeverBeatsTheEngine) {
  std::mt19937 random(fuzz::logged_seed());
  for (int round = 0; round < 12 && !testing::Test::HasFatalFailure(); ++round) {
    const policy::Machine machine = random_machine(random);
    RandomWorkload workload(random);
    std::vector<std::unique_ptr<Replay>> replays;
    for (const policy::PolicySpec& spec : policy::policies()) {
      replays.push_back(
          std::make_unique<Replay>(machine, workload.layout(), spec, std::vector<std::uint8_t>{}));
    }
    for (int step = 0; step < 150 && !testing::Test::HasFatalFailure(); ++step) {
      const auto events = workload.step();
      for (std::size_t i = 0; i < replays.size(); ++i) {
        ASSERT_TRUE(replays[i]->step(events).ok());
        expect_sound(*replays[i], workload, machine, policy::policies()[i].name.data());
      }
    }
  }
}

// Whatever stays put is never faster than the optimum of the whole run, whatever moves never faster
// than that of each step.
TEST(SimulatorProperty, NothingIsBelowTheOptimum) {
  std::mt19937 random(fuzz::logged_seed());
  for (int round = 0; round < 12; ++round) {
    const policy::Machine machine = random_machine(random);
    RandomWorkload workload(random);
    OfflineOptimum each_step(machine, kBlocks, 1, 0);
    std::vector<std::unique_ptr<Replay>> replays;
    for (const policy::PolicySpec& spec : policy::policies()) {
      replays.push_back(
          std::make_unique<Replay>(machine, workload.layout(), spec, std::vector<std::uint8_t>{}));
    }
    for (int step = 0; step < 100; ++step) {
      const auto events = workload.step();
      for (auto& replay : replays) ASSERT_TRUE(replay->step(events).ok());
      ASSERT_TRUE(each_step.step(events).ok());
    }
    for (std::size_t i = 0; i < replays.size(); ++i) {
      replays[i]->finish();
      EXPECT_GE(replays[i]->totals().seconds, each_step.seconds() * (1 - 1e-9))
          << policy::policies()[i].name;
    }
  }
}

}  // namespace
}  // namespace terrace::simulate::simulator_property_test
