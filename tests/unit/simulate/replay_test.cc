// SPDX-License-Identifier: Apache-2.0
// How a step is timed: docs/model.md's figures, and moves on the links.
#include "tiering/simulate/replay.h"

#include <gtest/gtest.h>

#include "tests/unit/plan/heat_fixture.h"
#include "tiering/model/step_model.h"
#include "tiering/policy/registry.h"

namespace terrace::simulate::replay_test {
namespace {

using policy::BlockId;
using policy::Touch;

constexpr double kBlock = 2097152.0;

// Fast: 1 second a block; slow: 4; the engine as fast as the fast tier.
policy::Machine machine_of(std::uint64_t fast_blocks, std::uint64_t slow_blocks) {
  policy::Machine machine;
  machine.seconds_per_byte = {1 / kBlock, 4 / kBlock};
  machine.idle_latency_ns = {100, 250};
  machine.capacity_blocks = {fast_blocks, slow_blocks};
  machine.engine_seconds_per_byte = 1 / kBlock;
  return machine;
}

policy::Layout layout_of(std::uint32_t blocks) {
  policy::Layout layout;
  layout.add("weights", blocks);
  return layout;
}

double seconds_of(const policy::Machine& machine, const std::vector<std::uint8_t>& tiers,
                  const std::vector<Event>& events) {
  const policy::Layout layout = layout_of(static_cast<std::uint32_t>(tiers.size()));
  Replay replay(machine, layout, *policy::find_policy("plan"), tiers);
  std::vector<Event> step;
  allocate_all(layout, step);
  step.insert(step.end(), events.begin(), events.end());
  EXPECT_TRUE(replay.step(step).ok());
  replay.finish();
  return replay.totals().seconds;
}

TEST(Replay, LetsAStripeOverlap) {
  const std::vector<Event> scan{{EventKind::kStream, 0, 5}};
  EXPECT_DOUBLE_EQ(seconds_of(machine_of(5, 5), {0, 0, 0, 0, 1}, scan), 5);
  EXPECT_DOUBLE_EQ(seconds_of(machine_of(5, 5), {0, 0, 0, 1, 1}, scan), 8);
}

TEST(Replay, LetsWholeLayersSerialise) {
  const std::vector<Event> layers{
      {EventKind::kStream, 0, 4}, {EventKind::kPhaseEnd, 0, 0}, {EventKind::kStream, 4, 1}};
  EXPECT_DOUBLE_EQ(seconds_of(machine_of(5, 5), {0, 0, 0, 0, 1}, layers), 4 + 4);
}

TEST(Replay, WaitsForEachRoutedBlockAlone) {
  EXPECT_DOUBLE_EQ(seconds_of(machine_of(5, 5), {0, 0, 0, 0, 1}, {{EventKind::kRoute, 0, 5}}),
                   4 + 4);
}

// The simulator and the model that plans are priced by must say the same.
TEST(Replay, AgreesWithTheStepModel) {
  const Topology topology = fixture::make_machine(
      {fixture::make_tier("fast", 40, 100), fixture::make_tier("slow", 100, 25)});
  const heat::HeatMap heat = fixture::dense_heat(topology, 96, 100);
  const auto workload = model::make_workload(heat, MiB(32));
  ASSERT_TRUE(workload.ok());
  std::vector<std::uint8_t> tiers;
  for (std::uint32_t b = 0; b < 96; ++b) tiers.push_back(b % 7 < 3 && b < 90 ? 0 : 1);
  const model::Rates rates{1e-11, {1e-11, 4e-11}};
  policy::Machine machine = machine_of(96, 96);
  machine.seconds_per_byte = rates.tier_seconds_per_byte;
  machine.engine_seconds_per_byte = rates.engine_seconds_per_byte;
  std::vector<Event> scan;
  stream(0, 96, scan);
  EXPECT_NEAR(seconds_of(machine, tiers, scan),
              model::step_time(*workload, rates, {tiers}).step_seconds, 1e-12);
}

class MoveAtTouch final : public policy::Policy {
 public:
  explicit MoveAtTouch(policy::PlacementTable& table) : table_(table) {}
  std::uint8_t tier_for(BlockId) override { return 1; }
  void touched(const Touch& touch) override { table_.move(touch.first, 0); }

 private:
  policy::PlacementTable& table_;
};

class MoveAtStepEnd final : public policy::Policy {
 public:
  explicit MoveAtStepEnd(policy::PlacementTable& table) : table_(table) {}
  std::uint8_t tier_for(BlockId block) override { return block == 0 ? 1 : 0; }
  void step_ended(const policy::StepView&) override { table_.move(0, 0); }

 private:
  policy::PlacementTable& table_;
};

template <typename P>
std::unique_ptr<policy::Policy> make(const policy::PolicyContext& context) {
  return std::make_unique<P>(context.table);
}

TEST(Replay, ChargesAFaultsMoveInItsPhase) {
  const policy::Machine machine = machine_of(4, 4);
  const policy::Layout layout = layout_of(1);
  Replay replay(machine, layout, {"test", "", "", make<MoveAtTouch>}, {});
  const std::vector<Event> step{{EventKind::kAllocate, 0, 1}, {EventKind::kStream, 0, 1}};
  ASSERT_TRUE(replay.step(step).ok());
  // Read from the slow link once, by the move; then from fast memory.
  EXPECT_DOUBLE_EQ(replay.totals().seconds, 4);
  EXPECT_EQ(replay.totals().blocks_hit, 0u);
}

TEST(Replay, SpreadsBackgroundMovesOverTheNextStep) {
  const policy::Machine machine = machine_of(4, 4);
  const policy::Layout layout = layout_of(4);
  Replay replay(machine, layout, {"test", "", "", make<MoveAtStepEnd>}, {});
  std::vector<Event> step{{EventKind::kAllocate, 0, 4}, {EventKind::kStream, 0, 4}};
  ASSERT_TRUE(replay.step(step).ok());
  EXPECT_DOUBLE_EQ(replay.totals().seconds, 4);
  step.erase(step.begin());
  replay.start_counting();
  ASSERT_TRUE(replay.step(step).ok());
  // All four are fast now; the fast link carries one more, the slow link one in the same time.
  EXPECT_DOUBLE_EQ(replay.totals().seconds, 5);
  replay.finish();
  EXPECT_EQ(replay.totals().moves, 0u);  // it was made before counting started
}

TEST(Replay, ChargesWhatIsLeftToMoveAtTheEnd) {
  const policy::Machine machine = machine_of(4, 4);
  const policy::Layout layout = layout_of(1);
  Replay replay(machine, layout, {"test", "", "", make<MoveAtStepEnd>}, {});
  const std::vector<Event> step{{EventKind::kAllocate, 0, 1}, {EventKind::kStream, 0, 1}};
  ASSERT_TRUE(replay.step(step).ok());
  replay.finish();
  EXPECT_DOUBLE_EQ(replay.totals().seconds, 4 + 4);
  EXPECT_EQ(replay.totals().moves, 1u);
}

TEST(Replay, SaysWhatIsMissingWhenTheTiersAreFull) {
  const policy::Machine machine = machine_of(1, 1);
  const policy::Layout layout = layout_of(3);
  Replay replay(machine, layout, *policy::find_policy("lru"), {});
  const std::vector<Event> step{{EventKind::kAllocate, 0, 3}};
  const Status done = replay.step(step);
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.error().code, ErrorCode::kInfeasible);
}

}  // namespace
}  // namespace terrace::simulate::replay_test
