// SPDX-License-Identifier: Apache-2.0
#include "tiering/plan/flat_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <cstring>
#include <filesystem>

#include "tests/unit/plan/plan_fixture.h"

namespace terrace::plan::flat_writer_test {
namespace {

using runtime::FlatHeader;
using runtime::FlatView;
using testing::HasSubstr;

struct FlatWriter : testing::Test {
  Topology machine = fixture::plan_machine();
  Plan plan = fixture::small_plan();
  RuntimeOptions options;
  std::string path = fixture::temporary_path("plan.flat");
  std::vector<std::uint64_t> image;  // keeps the bytes at a multiple of 8
  std::uint64_t image_bytes = 0;

  ~FlatWriter() override { std::remove(path.c_str()); }

  FlatView write_and_read(const Plan* written) {
    const Status status = write_flat(path, machine, written, options);
    EXPECT_TRUE(status.ok()) << (status.ok() ? "" : status.error().message);
    const std::string bytes = fixture::file_bytes(path);
    image.assign(bytes.size() / 8 + 1, 0);
    std::memcpy(image.data(), bytes.data(), bytes.size());
    image_bytes = bytes.size();
    FlatView view;
    const char* problem = runtime::validate_flat(image.data(), image_bytes, view);
    EXPECT_EQ(problem, nullptr) << problem;
    return view;
  }

  void expect_refused(const char* text) {
    const Status status = write_flat(path, machine, &plan, options);
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(status.error().code, ErrorCode::kUsage);
    EXPECT_THAT(status.error().message, HasSubstr(text));
    EXPECT_FALSE(std::filesystem::exists(path));
  }
};

TEST_F(FlatWriter, WritesWhatTheRuntimeReads) {
  const FlatView view = write_and_read(&plan);
  ASSERT_TRUE(view.valid());
  ASSERT_EQ(view.header->object_count, 2u);
  for (std::size_t i = 0; i < 2; ++i) {
    const auto& flat = view.objects[i];
    const PlannedObject& object = plan.objects[i];
    EXPECT_EQ(flat.site_hash, object.key.site_hash);
    EXPECT_EQ(flat.size_bytes, object.key.size_bytes);
    EXPECT_EQ(flat.ordinal, object.key.ordinal);
    EXPECT_EQ(flat.origin, static_cast<std::uint32_t>(object.key.origin));
    ASSERT_EQ(flat.block_count, object.block_tiers.size());
    EXPECT_EQ(std::memcmp(view.block_map(flat), object.block_tiers.data(), flat.block_count), 0);
  }
}

TEST_F(FlatWriter, CarriesTiersAndOptions) {
  options.threshold = MiB(3);
  options.mmap_threshold = MiB(4);
  options.file_threshold = MiB(5);
  options.late_size = MiB(6);
  options.late_age_ms = 77;
  options.policy = runtime::DefaultPolicy::kWeighted;
  options.bind = runtime::BindMode::kStrict;
  options.window_hz = 9;
  options.record = true;
  options.strict = true;
  options.live_status = false;
  options.materialize = runtime::Materialize::kAlways;
  options.file_return_ms = 55;
  options.split = {7, 1 << 20, 5000, 3, 0};
  options.session_path = "/tmp/s-%p";
  options.status_path = "/tmp/status";
  const FlatView view = write_and_read(nullptr);
  ASSERT_TRUE(view.valid());
  const FlatHeader& header = *view.header;
  EXPECT_EQ(header.object_count, 0u);
  EXPECT_EQ(header.threshold_bytes, MiB(3).value);
  EXPECT_EQ(header.mmap_threshold_bytes, MiB(4).value);
  EXPECT_EQ(header.file_threshold_bytes, MiB(5).value);
  EXPECT_EQ(header.late_bytes, MiB(6).value);
  EXPECT_EQ(header.late_age_ms, 77u);
  EXPECT_EQ(header.default_policy, 2u);
  EXPECT_EQ(header.bind_mode, 2u);
  EXPECT_EQ(header.window_hz, 9u);
  EXPECT_EQ(header.materialize, static_cast<std::uint32_t>(runtime::Materialize::kAlways));
  EXPECT_EQ(header.file_return_ms, 55u);
  EXPECT_EQ(header.split.recording, 7u);
  EXPECT_EQ(header.split.bytes, 1u << 20);
  EXPECT_EQ(header.split.time_ns, 5000u);
  EXPECT_EQ(header.split.keep, 3u);
  EXPECT_EQ(header.flags, runtime::kFlagRecord | runtime::kFlagStrict | runtime::kFlagNoStatus);
  EXPECT_STREQ(header.machine_id, machine.machine_id.c_str());
  EXPECT_STREQ(header.session_path, "/tmp/s-%p");
  EXPECT_STREQ(header.status_path, "/tmp/status");
  ASSERT_EQ(header.tier_count, 2u);
  EXPECT_STREQ(view.tiers[1].name, "cxl");
  EXPECT_EQ(view.tiers[1].kind, static_cast<std::uint8_t>(TierKind::kCxl));
  EXPECT_EQ(view.tiers[1].backing, static_cast<std::uint8_t>(BackingKind::kEmulatedLink));
  EXPECT_EQ(view.tiers[1].capacity_bytes, 200 * kBlockBytes.value);
  EXPECT_EQ(view.tiers[1].latency_ns, 400u);
  EXPECT_DOUBLE_EQ(view.tiers[0].weight / view.tiers[1].weight, 10.5 / 2.25);
  EXPECT_EQ(view.tiers[1].node_mask[0], 2u);
  EXPECT_EQ(view.tiers[1].node_mask[1], 1u << 6);
}

TEST_F(FlatWriter, CarriesADaxTiersPath) {
  machine.tiers[1].backing = BackingKind::kDax;
  machine.tiers[1].nodes.clear();
  machine.tiers[1].path = "/dev/dax0.0";
  machine.tiers[1].mapping_unit = KiB(4);
  const FlatView view = write_and_read(nullptr);
  EXPECT_EQ(view.tiers[1].backing, static_cast<std::uint8_t>(BackingKind::kDax));
  EXPECT_STREQ(view.tiers[1].path, "/dev/dax0.0");
  EXPECT_EQ(view.tiers[1].mapping_unit, KiB(4).value);
  EXPECT_EQ(view.tiers[0].path[0], '\0');
  EXPECT_EQ(view.tiers[0].mapping_unit, 0u);
}

TEST_F(FlatWriter, RefusesDaxPathsAndUnitsThatCannotBeMapped) {
  machine.tiers[1].backing = BackingKind::kDax;
  machine.tiers[1].path = "pool.bin";
  expect_refused("is not absolute");
  machine.tiers[1].path = "/" + std::string(159, 'x');
  expect_refused("has 160 bytes and at most 159 fit; name it by a shorter way");
  machine.tiers[1].path = "/" + std::string(158, 'x');
  machine.tiers[1].mapping_unit = GiB(1);
  expect_refused("mapped in units of 1073741824 bytes");
  machine.tiers[1].mapping_unit = MiB(2);
  write_and_read(nullptr);
}

TEST_F(FlatWriter, MakesAFileThatOnlyItsOwnerReads) {
  write_and_read(&plan);
  EXPECT_EQ(std::filesystem::status(path).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

TEST_F(FlatWriter, ItsChecksumIsZlibs) {
  const FlatView view = write_and_read(&plan);
  const auto* body = reinterpret_cast<const Bytef*>(image.data()) + sizeof(FlatHeader);
  EXPECT_EQ(view.header->crc32,
            ::crc32(0, body, static_cast<uInt>(image_bytes - sizeof(FlatHeader))));
}

TEST_F(FlatWriter, FollowsTierNamesWhenTheirOrderChanged) {
  std::swap(machine.tiers[0], machine.tiers[1]);
  const FlatView view = write_and_read(&plan);
  const std::uint8_t expected[] = {1, 1, 0, 1, 0};
  EXPECT_EQ(std::memcmp(view.block_map(view.objects[0]), expected, 5), 0);
}

TEST_F(FlatWriter, RefusesAPlanForAnotherMachine) {
  plan.machine_id = "another";
  expect_refused("made for machine another");
}
TEST_F(FlatWriter, RefusesATierThatDoesNotExistHere) {
  plan.tiers[1].name = "hbm9";
  expect_refused("tier hbm9 does not exist here");
}
TEST_F(FlatWriter, RefusesSharesAboveOne) {
  plan.objects[0].shares = {0.6, 0.7};
  expect_refused("sum to 1.3");
  plan.objects[0].shares = {-0.5, 1.5};
  expect_refused("object 0 (weights)");
}
TEST_F(FlatWriter, RefusesAMapOfTheWrongLength) {
  plan.objects[1].block_tiers.pop_back();
  expect_refused("its map has 4 blocks, not 5");
}
TEST_F(FlatWriter, RefusesABlockOnATierOutOfRange) {
  plan.objects[1].block_tiers[2] = 2;
  expect_refused("block 2: tier 2 of 2");
}
TEST_F(FlatWriter, RefusesAnObjectThatIsThereTwice) {
  plan.objects.push_back(plan.objects[0]);
  expect_refused("object 2 (weights) is there twice");
}
TEST_F(FlatWriter, RefusesAFastestTierOfZeroBytes) {
  machine.tiers[0].capacity.value = Bytes(0);
  expect_refused("ddr, has 0 bytes");
}
TEST_F(FlatWriter, RefusesNodesAndPathsThatDoNotFit) {
  machine.tiers[0].nodes = {NodeId(1024)};
  expect_refused("node 1024");
  machine = fixture::plan_machine();
  options.session_path = std::string(300, 'x');
  expect_refused("has 300 bytes; at most 255 fit");
}
TEST_F(FlatWriter, ReportsAFolderThatDoesNotExist) {
  const Status status = write_flat("/nonexistent/plan.flat", machine, &plan, options);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, ErrorCode::kIo);
  EXPECT_THAT(status.error().message, HasSubstr("/nonexistent/plan.flat"));
}

}  // namespace
}  // namespace terrace::plan::flat_writer_test
