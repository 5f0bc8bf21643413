// SPDX-License-Identifier: Apache-2.0
#include "tiering/simulate/comparison.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/simulate/run_policy.h"
#include "tiering/simulate/machine_of.h"

namespace terrace::simulate::comparison_test {
namespace {

using policy_fixture::run_policy;
using policy_fixture::Shape;
using ::testing::HasSubstr;

TEST(Comparison, IsTheSameForTheSameSeed) {
  for (const char* policy : {"memtis", "online"}) {
    const auto once = run_policy(policy, "moe", Shape{});
    const auto again = run_policy(policy, "moe", Shape{});
    EXPECT_EQ(once.totals.seconds, again.totals.seconds) << policy;
    EXPECT_EQ(once.totals.moves, again.totals.moves) << policy;
  }
}

TEST(Comparison, CostsNothingWhereAllIsFast) {
  Shape shape;
  shape.fast_share = 1;
  for (const char* workload : {"dense", "moe", "kv", "sequences", "zipf", "shift"}) {
    const auto run = run_policy("first-touch", workload, shape);
    EXPECT_NEAR(run.totals.step_seconds(), run.bound_step_seconds, 1e-9) << workload;
    EXPECT_EQ(run.totals.hit_share(), 1) << workload;
  }
}

// docs/model.md, worked example: 80 % fast behind a link of a quarter.
TEST(Comparison, ShowsTheModelsWorkedExample) {
  Shape shape;
  shape.fast_share = 0.8;
  const double all_fast = 2048 * 2097152.0 / 100e9;
  const auto first_touch = run_policy("first-touch", "dense", shape);
  EXPECT_NEAR(first_touch.totals.step_seconds() / all_fast, 1.6, 0.01);
  EXPECT_NEAR(run_policy("interleave", "dense", shape).totals.step_seconds() / all_fast, 2, 0.01);
  EXPECT_NEAR(run_policy("plan", "dense", shape).totals.step_seconds() / all_fast, 1, 0.01);
  EXPECT_NEAR(first_touch.bound_step_seconds / all_fast, 1, 0.01);
}

TEST(Comparison, SaysWhenTheWorkloadEndsTooSoon) {
  class Empty final : public Workload {
   public:
    Empty() { layout_.add("nothing", 4); }
    const policy::Layout& layout() const override { return layout_; }
    bool next_step(std::vector<Event>&) override { return false; }

   private:
    policy::Layout layout_;
  };
  WorkloadSource source;
  source.name = "empty";
  source.make = [](simulate::Run) -> Result<std::unique_ptr<Workload>> {
    std::unique_ptr<Workload> empty = std::make_unique<Empty>();
    return empty;
  };
  const Topology topology = two_tiers({}, 4);
  const auto machine = machine_of(topology, 0, 4);
  ASSERT_TRUE(machine.ok());
  const auto result =
      compare(source, topology, *machine, {policy::find_policy("lru")}, ComparisonOptions{});
  ASSERT_FALSE(result.ok());
  EXPECT_THAT(result.error().message, HasSubstr("ends within the warm-up"));
}

TEST(MachineOf, TakesSharesAndRatiosAsPeopleWriteThem) {
  EXPECT_DOUBLE_EQ(*parse_fast_share("50%"), 0.5);
  EXPECT_DOUBLE_EQ(*parse_fast_share("0.25"), 0.25);
  EXPECT_DOUBLE_EQ(*parse_fast_share("100%"), 1);
  EXPECT_DOUBLE_EQ(*parse_slow_ratio("1/4"), 0.25);
  EXPECT_DOUBLE_EQ(*parse_slow_ratio("1"), 1);
}

TEST(MachineOf, RefusesWhatIsNoShareOrRatio) {
  for (const char* text :
       {"0", "0%", "101%", "-5%", "", "%", "half", "1/0", "nan", "inf", "1/2/3"}) {
    const auto share = parse_fast_share(text);
    ASSERT_FALSE(share.ok()) << text;
    EXPECT_THAT(share.error().message, HasSubstr("--fast")) << text;
    EXPECT_FALSE(parse_slow_ratio(text).ok()) << text;
  }
}

TEST(MachineOf, AsksForASecondTier) {
  Topology topology = two_tiers({}, 8);
  topology.tiers.pop_back();
  const auto machine = machine_of(topology, 0, 4);
  ASSERT_FALSE(machine.ok());
  EXPECT_THAT(machine.error().message, HasSubstr("placement needs two"));
}

TEST(MachineOf, SaysWhenTheWorkloadDoesNotFit) {
  const auto machine = machine_of(two_tiers({}, 8), 0, 100);
  ASSERT_FALSE(machine.ok());
  EXPECT_EQ(machine.error().code, ErrorCode::kInfeasible);
}

}  // namespace
}  // namespace terrace::simulate::comparison_test
