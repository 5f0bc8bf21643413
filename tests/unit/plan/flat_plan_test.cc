// SPDX-License-Identifier: Apache-2.0
#include "tiering/runtime/flat_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <functional>

#include "allocators/base/crc32.h"
#include "tests/unit/plan/plan_fixture.h"
#include "tiering/plan/flat_writer.h"

namespace terrace::runtime::flat_plan_test {
namespace {

using testing::HasSubstr;

struct FlatPlan : testing::Test {
  std::vector<std::uint64_t> words;
  std::uint64_t size = 0;

  void SetUp() override {
    const std::string path = fixture::temporary_path("plan.flat");
    const plan::Plan plan = fixture::small_plan();
    ASSERT_TRUE(plan::write_flat(path, fixture::plan_machine(), &plan, {}).ok());
    const std::string bytes = fixture::file_bytes(path);
    std::remove(path.c_str());
    size = bytes.size();
    words.assign(size / 8 + 2, 0);
    std::memcpy(words.data(), bytes.data(), size);
  }

  unsigned char* base() { return reinterpret_cast<unsigned char*>(words.data()); }
  FlatHeader& header() { return *reinterpret_cast<FlatHeader*>(base()); }
  FlatTier& tier(int i) { return reinterpret_cast<FlatTier*>(base() + header().tiers_offset)[i]; }
  FlatObject& object(int i) {
    return reinterpret_cast<FlatObject*>(base() + header().objects_offset)[i];
  }
  void reseal() { header().crc32 = crc32(base() + sizeof(FlatHeader), size - sizeof(FlatHeader)); }

  void expect_refused(const char* text) {
    FlatView view;
    const char* problem = validate_flat(words.data(), size, view);
    ASSERT_NE(problem, nullptr) << text;
    EXPECT_THAT(problem, HasSubstr(text));
    EXPECT_FALSE(view.valid());
  }
};

TEST_F(FlatPlan, AcceptsWhatTheWriterMakes) {
  FlatView view;
  EXPECT_EQ(validate_flat(words.data(), size, view), nullptr);
  EXPECT_TRUE(view.valid());
  EXPECT_EQ(view.header->materialize, static_cast<std::uint32_t>(Materialize::kAuto));
  EXPECT_FALSE(view.has(kFlagRecord));
}

TEST_F(FlatPlan, RefusesEveryLengthShortOfTheWhole) {
  for (std::uint64_t cut = 0; cut < size; ++cut) {
    FlatView view;
    ASSERT_NE(validate_flat(words.data(), cut, view), nullptr) << "length " << cut;
  }
}

TEST_F(FlatPlan, RefusesNothingAtAll) {
  FlatView view;
  EXPECT_NE(validate_flat(nullptr, 0, view), nullptr);
}

TEST_F(FlatPlan, RefusesAForeignFile) {
  header().magic[0] = 'X';
  expect_refused("not a Terrace flat file");
}
TEST_F(FlatPlan, RefusesAnotherVersion) {
  header().version = kFlatVersion + 1;
  expect_refused("another Terrace version");
}
TEST_F(FlatPlan, RefusesATail) {
  size += 1;
  expect_refused("cut short or has a tail");
}
TEST_F(FlatPlan, RefusesASingleFlippedBit) {
  base()[size - 1] ^= 1;
  expect_refused("CRC-32");
}
TEST_F(FlatPlan, RefusesUnalignedData) {
  std::memmove(base() + 1, base(), size);
  FlatView view;
  EXPECT_THAT(validate_flat(base() + 1, size, view), HasSubstr("multiple of 8"));
}
TEST_F(FlatPlan, RefusesTierCountsOutOfRange) {
  header().tier_count = 0;
  expect_refused("number of tiers");
  header().tier_count = kMaxTiers + 1;
  expect_refused("number of tiers");
}
TEST_F(FlatPlan, RefusesTablesOutsideOfTheFile) {
  const FlatHeader good = header();
  for (std::uint64_t bad : std::vector<std::uint64_t>{0, 8, size - 8, size + 8, ~7ull}) {
    header().tiers_offset = bad;
    expect_refused("tier table");
    header() = good;
    header().objects_offset = bad;
    expect_refused("object table");
    header() = good;
  }
  header().object_count = 0xFFFFFFFF;
  expect_refused("object table");
  header() = good;
  header().maps_offset = size + 1;
  expect_refused("block maps lie outside");
}
TEST_F(FlatPlan, RefusesMisalignedTables) {
  header().objects_offset += 4;
  expect_refused("object table");
}
TEST_F(FlatPlan, RefusesUnknownEnumerationsAndFlags) {
  const FlatHeader good = header();
  header().default_policy = 4;
  expect_refused("default policy");
  header() = good;
  header().bind_mode = 3;
  expect_refused("bind mode");
  header() = good;
  header().flags = 1u << 9;
  expect_refused("unknown flag");
  header() = good;
  header().flags |= kFlagRecord;
  header().window_hz = 0;
  expect_refused("0 windows");
  header() = good;
  header().split.keep = 3;
  expect_refused("split recording");
  header().split = {};
  header().split.recording = 7;
  expect_refused("split recording");
}
TEST_F(FlatPlan, RefusesTextsWithoutEnd) {
  const FlatHeader good = header();
  std::memset(header().machine_id, 'x', sizeof header().machine_id);
  expect_refused("machine id");
  header() = good;
  std::memset(header().session_path, 'x', sizeof header().session_path);
  expect_refused("session path");
  header() = good;
  std::memset(header().status_path, 'x', sizeof header().status_path);
  expect_refused("status path");
}
TEST_F(FlatPlan, RefusesBadTiers) {
  const FlatTier good = tier(1);
  const auto refuse = [&](const std::function<void(FlatTier&)>& change, const char* text) {
    tier(1) = good;
    change(tier(1));
    reseal();
    expect_refused(text);
  };
  refuse([](FlatTier& t) { std::memset(t.name, 'x', sizeof t.name); }, "tier name");
  refuse([](FlatTier& t) { t.kind = 99; }, "tier kind");
  refuse([](FlatTier& t) { t.backing = 99; }, "tier backing");
  refuse([](FlatTier& t) { t.weight = -1; }, "tier weight");
  refuse([](FlatTier& t) { t.weight = std::nan(""); }, "tier weight");
  refuse([](FlatTier& t) { t.bandwidth_gbps = INFINITY; }, "tier bandwidth");
}
TEST_F(FlatPlan, ADaxTierHasAnAbsolutePathAndAUnitAndOthersHaveNone) {
  const FlatTier good = tier(1);
  const auto changed = [&](const std::function<void(FlatTier&)>& change) {
    tier(1) = good;
    tier(1).backing = static_cast<std::uint8_t>(BackingKind::kDax);
    std::strcpy(tier(1).path, "/dev/dax0.0");
    tier(1).mapping_unit = MiB(2).value;
    change(tier(1));
    reseal();
  };
  FlatView view;
  for (const Bytes unit : {KiB(4), KiB(64), MiB(2)}) {
    changed([&](FlatTier& t) { t.mapping_unit = unit.value; });
    EXPECT_EQ(validate_flat(words.data(), size, view), nullptr) << unit.value;
  }
  for (const std::uint64_t unit : {std::uint64_t{0}, KiB(2).value, KiB(12).value, GiB(1).value}) {
    changed([&](FlatTier& t) { t.mapping_unit = unit; });
    expect_refused("mapping unit");
  }
  changed([](FlatTier& t) { std::memset(t.path, '/', sizeof t.path); });
  expect_refused("tier path without end");
  changed([](FlatTier& t) { std::strcpy(t.path, "pool"); });
  expect_refused("not absolute");
  changed([](FlatTier& t) { t.path[0] = '\0'; });
  expect_refused("not absolute");
  changed([](FlatTier& t) { t.backing = 0; });
  expect_refused("no DAX tier");
}
TEST_F(FlatPlan, RefusesWeightedPolicyWithoutWeights) {
  tier(0).weight = tier(1).weight = 0;
  header().default_policy = static_cast<std::uint32_t>(DefaultPolicy::kWeighted);
  reseal();
  expect_refused("no weight");
}
TEST_F(FlatPlan, RefusesBadObjects) {
  const FlatObject good = object(1);
  const auto refuse = [&](const std::function<void(FlatObject&)>& change, const char* text) {
    object(1) = good;
    change(object(1));
    reseal();
    expect_refused(text);
  };
  refuse([](FlatObject& o) { o.origin = 3; }, "origin");
  refuse([](FlatObject& o) { o.block_count += 1; }, "block count");
  refuse(
      [](FlatObject& o) {
        o.size_bytes = 0;
        o.block_count = 0;
      },
      "block count");
  refuse(
      [](FlatObject& o) {
        o.size_bytes = UINT64_MAX;
        o.block_count = 0;
      },
      "block count");
  refuse([](FlatObject& o) { o.map_offset += 1; }, "block map lies outside");
  refuse([](FlatObject& o) { o.map_offset = 0; }, "block map lies outside");
  refuse([](FlatObject& o) { o.map_offset = UINT64_MAX - 2; }, "block map lies outside");
}
TEST_F(FlatPlan, RefusesATierThatDoesNotExistAndNamesTheOffset) {
  const std::uint64_t at = object(0).map_offset + 3;
  base()[at] = 2;
  reseal();
  expect_refused(("tier that does not exist (offset " + std::to_string(at) + ")").c_str());
}

}  // namespace
}  // namespace terrace::runtime::flat_plan_test
