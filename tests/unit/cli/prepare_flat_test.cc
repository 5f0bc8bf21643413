// SPDX-License-Identifier: Apache-2.0
#include "tiering/cli/prepare_flat.h"

#include <gtest/gtest.h>

#include "profiler/session/format.h"

namespace terrace::cli::prepare_flat_test {
namespace {

Topology fast_and_emulated() {
  Topology topology;
  topology.tiers.resize(2);
  topology.tiers[0].capacity = {GiB(4), Provenance::kUserFile};
  topology.tiers[1].capacity = {GiB(1), Provenance::kUserFile};
  topology.tiers[1].backing = BackingKind::kEmulatedLink;
  return topology;
}

TEST(PrepareFlat, NeedsHugePagesForEmulatedTiersAndForAllWhileRecording) {
  plan::RuntimeOptions options;
  EXPECT_EQ(huge_page_need(fast_and_emulated(), options), GiB(1));
  options.record = true;
  EXPECT_EQ(huge_page_need(fast_and_emulated(), options), GiB(5));
  options.source = static_cast<std::uint32_t>(session::SourceKind::kReferencedBits);
  EXPECT_EQ(huge_page_need(fast_and_emulated(), options), GiB(1)) << "private memory is watched";
}

TEST(PrepareFlat, HandsSourceAndBudgetOver) {
  Settings settings;
  EXPECT_EQ(runtime_options(settings).source, 0u);
  EXPECT_EQ(runtime_options(settings).budget_ppm, 10000u);
  ASSERT_TRUE(settings.set("source", "write-tracking", "test").ok());
  ASSERT_TRUE(settings.set("budget", "0.25%", "test").ok());
  EXPECT_EQ(runtime_options(settings).source,
            static_cast<std::uint32_t>(session::SourceKind::kWriteTracking));
  EXPECT_EQ(runtime_options(settings).budget_ppm, 2500u);
  EXPECT_FALSE(settings.set("source", "guess", "test").ok());
}

TEST(PrepareFlat, ADaxTierNeedsNoHugePages) {
  Topology topology = fast_and_emulated();
  topology.tiers[1].backing = BackingKind::kDax;
  plan::RuntimeOptions options;
  EXPECT_EQ(huge_page_need(topology, options), Bytes());
  options.record = true;
  EXPECT_EQ(huge_page_need(topology, options), GiB(4));
}

TEST(PrepareFlat, TellsTheRuntimeWhatTheSettingsSay) {
  Settings settings;
  const auto defaults = runtime_options(settings);
  const plan::RuntimeOptions built_in;
  EXPECT_EQ(defaults.threshold, built_in.threshold);
  EXPECT_EQ(defaults.mmap_threshold, built_in.mmap_threshold);
  EXPECT_EQ(defaults.file_threshold, built_in.file_threshold);
  EXPECT_EQ(defaults.late_size, built_in.late_size);
  EXPECT_EQ(defaults.late_age_ms, built_in.late_age_ms);
  EXPECT_EQ(defaults.window_hz, built_in.window_hz);
  EXPECT_EQ(defaults.materialize, built_in.materialize);
  EXPECT_EQ(defaults.file_return_ms, built_in.file_return_ms);
  EXPECT_EQ(defaults.policy, built_in.policy);
  EXPECT_EQ(defaults.bind, built_in.bind);

  ASSERT_TRUE(settings.set("policy", "weighted", "test").ok());
  ASSERT_TRUE(settings.set("bind", "strict", "test").ok());
  ASSERT_TRUE(settings.set("late-age", "2s", "test").ok());
  ASSERT_TRUE(settings.set("status", "status.json", "test").ok());
  const auto changed = runtime_options(settings);
  EXPECT_EQ(changed.policy, runtime::DefaultPolicy::kWeighted);
  EXPECT_EQ(changed.bind, runtime::BindMode::kStrict);
  EXPECT_EQ(changed.late_age_ms, 2000u);
  EXPECT_EQ(changed.status_path.front(), '/') << "the program may change its folder";
}

}  // namespace
}  // namespace terrace::cli::prepare_flat_test
