// SPDX-License-Identifier: Apache-2.0
#include "tiering/simulate/session_workload.h"

#include <gtest/gtest.h>

#include "tests/unit/plan/heat_fixture.h"
#include "tiering/policy/registry.h"
#include "tiering/simulate/machine_of.h"

namespace terrace::simulate::session_workload_test {
namespace {

using fixture::kBlock;

Topology recorded_machine() {
  return fixture::make_machine(
      {fixture::make_tier("fast", 512, 100), fixture::make_tier("slow", 512, 25)});
}

// Born cold first; the heat map names the hot one first.
RecordedRun recorded_on(const Topology& machine) {
  heat::HeatMap heat = fixture::make_heat(machine, 0.01);
  std::vector<double> hot(64, kBlock);
  std::vector<double> routed(64, 0.25 * kBlock);
  std::vector<double> idle(64, 0);
  heat.objects = {fixture::make_object(2, hot, 0.01), fixture::make_object(3, routed, 0.01),
                  fixture::make_object(1, idle, 0.01)};
  session::Session session;
  for (std::uint64_t site = 1; site <= 3; ++site) {
    session::Object object;
    object.record = {};
    object.record.site_hash = site;
    object.record.size_bytes = 64 * kBlockBytes.value;
    session.objects.push_back(object);
  }
  auto run = recorded_run(session, heat);
  EXPECT_TRUE(run.ok()) << run.error().message;
  return *run;
}

RecordedRun recorded() {
  return recorded_on(recorded_machine());
}

TEST(SessionWorkload, PutsObjectsInTheOrderOfTheirBirth) {
  const RecordedRun run = recorded();
  const auto workload = make_session_workload(run, 1);
  ASSERT_TRUE(workload.ok());
  const policy::Layout& layout = (*workload)->layout();
  ASSERT_EQ(layout.objects.size(), 3u);
  EXPECT_EQ(layout.objects[0].name, "object-1");
  EXPECT_EQ(layout.objects[1].name, "object-2");
  EXPECT_EQ(layout.blocks(), 192u);
}

TEST(SessionWorkload, ReadsAsOftenAsWasRecorded) {
  const RecordedRun run = recorded();
  auto workload = make_session_workload(run, 1);
  ASSERT_TRUE(workload.ok());
  std::vector<double> reads(192, 0);
  std::vector<Event> events;
  constexpr int kSteps = 2000;
  for (int step = 0; step < kSteps; ++step) {
    events.clear();
    ASSERT_TRUE((*workload)->next_step(events));
    for (const Event& event : events) {
      if (event.kind != EventKind::kStream && event.kind != EventKind::kRoute) continue;
      EXPECT_EQ(event.kind == EventKind::kStream, event.first >= 64 && event.first < 128);
      for (std::uint32_t i = 0; i < event.count; ++i) ++reads[event.first + i];
    }
  }
  EXPECT_EQ(reads[0], 0);
  EXPECT_EQ(reads[64], kSteps);
  EXPECT_NEAR(reads[128] / kSteps, 0.25, 0.04);
}

// 64 blocks whole and 64 at a quarter, each 10 ms.
TEST(SessionWorkload, TakesTheEnginesRateFromAMachineThatNobodyCalibrated) {
  Topology machine = fixture::make_machine({fixture::make_tier("dram", 512, 100)});
  machine.tiers[0].read_bandwidth = {};
  const RecordedRun run = recorded_on(machine);
  EXPECT_NEAR(run.engine_seconds_per_byte, 0.01 / (80 * kBlock), 1e-15);
  ASSERT_EQ(run.notes.size(), 1u);
}

TEST(SessionWorkload, IsPlannedFromItsOwnRecording) {
  const RecordedRun run = recorded();
  const WorkloadSource source = session_source("a.session", run, 1);
  const Topology topology =
      two_tiers({0.5, 0.25, GBps(1e-9 / run.engine_seconds_per_byte)}, run.blocks);
  const auto machine = machine_of(topology, run.engine_seconds_per_byte, run.blocks);
  ASSERT_TRUE(machine.ok());
  const auto result = compare(source, topology, *machine,
                              {policy::find_policy("first-touch"), policy::find_policy("plan")},
                              ComparisonOptions{});
  ASSERT_TRUE(result.ok()) << result.error().message;
  // First touch gives half of the fast tier to the object that nobody reads.
  EXPECT_GT(result->policies[0].over_bound, 1.2);
  EXPECT_LT(result->policies[1].over_bound, 1.05);
}

}  // namespace
}  // namespace terrace::simulate::session_workload_test
