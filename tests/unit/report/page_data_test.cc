// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "profiler/heat/heat_map.h"
#include "profiler/heat/timeline.h"
#include "profiler/report/heat_grid.h"
#include "profiler/report/page_json.h"
#include "profiler/report/placement_history.h"
#include "tests/unit/session/session_builder.h"

namespace terrace::report::page_data_test {
namespace {

using session::SessionBuilder;
using session::SourceKind;

/// Object 1 of 8 blocks over two tiers, object 2 that moves to the slow tier, back, and again.
session::Session moving_session() {
  SessionBuilder builder;
  builder.tier("fast").tier("slow");
  builder.object(1, {0, 0, 0, 0, 1, 1, 1, 1}).object(2, {0});
  for (int second = 0; second < 8; ++second) {
    if (second == 2 || second == 4 || second == 6) {
      builder.chunk(session::ChunkKind::kPlacement, session::PlacementRecord{2, 1},
                    second == 4 ? std::string(1, '\0') : std::string(1, '\x01'));
    }
    builder.heat(1, SourceKind::kPresentBits, second, second + 1, 0.5, {9, 9, 9, 9, 1, 1, 1, 1});
    builder.heat(2, SourceKind::kPresentBits, second, second + 1, 0.5, {4});
    if (second > 0) builder.step(second + 1, 0.1, 20);
  }
  builder.end();
  const std::string& bytes = builder.bytes();
  auto session = session::parse_session(bytes.data(), bytes.size(), "test");
  EXPECT_TRUE(session) << session.error().message;
  return session ? *session : session::Session{};
}

heat::HeatMap map_of(const session::Session& session) {
  auto map = heat::build_heat_map(session);
  EXPECT_TRUE(map.ok());
  return map.ok() ? *map : heat::HeatMap{};
}

TEST(HeatGrid, LargeObjectsTakeTheRowsThatAreLeftOver) {
  const session::Session session = moving_session();
  const HeatGrid grid =
      make_heat_grid(map_of(session), heat::build_timeline(session), {.rows = 6, .columns = 240});
  ASSERT_GE(grid.rows.size(), 4u);
  EXPECT_LE(grid.rows.size(), 6u);
  EXPECT_EQ(grid.columns, 8u);
  std::size_t blocks = 0;
  for (const GridRow& row : grid.rows) blocks += row.blocks;
  EXPECT_EQ(blocks, 9u);
}

TEST(HeatGrid, CellsHoldTheBytesReadASecondInTheirRange) {
  const session::Session session = moving_session();
  const HeatGrid grid =
      make_heat_grid(map_of(session), heat::build_timeline(session), {.rows = 2, .columns = 4});
  ASSERT_EQ(grid.rows.size(), 2u);
  EXPECT_EQ(grid.columns, 4u);
  const double block = static_cast<double>(kBlockBytes.value);
  for (const double cell : grid.rows[0].bytes_per_second) EXPECT_NEAR(cell, 80 * block, 1);
  for (const double cell : grid.rows[1].bytes_per_second) EXPECT_NEAR(cell, 8 * block, 1);
}

TEST(HeatGrid, WhatWasNotObservedIsNotCold) {
  SessionBuilder builder;
  builder.tier("fast").object(1, {0}).object(2, {0});
  builder.heat(1, SourceKind::kPresentBits, 0, 6, 0.5, {3});
  builder.heat(2, SourceKind::kPresentBits, 4, 6, 0.5, {0}).end();
  const std::string& bytes = builder.bytes();
  const auto session = session::parse_session(bytes.data(), bytes.size(), "test");
  ASSERT_TRUE(session);
  const HeatGrid grid = make_heat_grid(map_of(*session), heat::build_timeline(*session), {});
  ASSERT_EQ(grid.rows.size(), 2u);
  EXPECT_LT(grid.rows[1].bytes_per_second.front(), 0);
  EXPECT_EQ(grid.rows[1].bytes_per_second.back(), 0);
}

TEST(HeatGrid, ColderObjectsThanThereAreRowsAreCounted) {
  const session::Session session = moving_session();
  const HeatGrid grid =
      make_heat_grid(map_of(session), heat::build_timeline(session), {.rows = 1, .columns = 4});
  EXPECT_EQ(grid.rows.size(), 1u);
  EXPECT_EQ(grid.objects_left_out, 1u);
}

TEST(PlacementHistory, ReturnsAreToldApartFromFirstMoves) {
  const PlacementHistory history = make_placement_history(moving_session(), 8);
  const double block = static_cast<double>(kBlockBytes.value);
  ASSERT_EQ(history.moves.size(), 2u);
  const MoveSeries& away = history.moves[0];
  EXPECT_EQ(away.from, 0u);
  EXPECT_DOUBLE_EQ(away.bytes, 2 * block);
  EXPECT_DOUBLE_EQ(away.one_way[2], block);
  EXPECT_DOUBLE_EQ(away.back_and_forth[6], block);
  const MoveSeries& home = history.moves[1];
  EXPECT_DOUBLE_EQ(home.back_and_forth[4], block);
  EXPECT_DOUBLE_EQ(home.one_way[4], 0);
}

TEST(PlacementHistory, OccupancyFollowsTheMoves) {
  const PlacementHistory history = make_placement_history(moving_session(), 8);
  const double block = static_cast<double>(kBlockBytes.value);
  ASSERT_EQ(history.occupancy.size(), 2u);
  const std::vector<double> fast{5, 5, 4, 4, 5, 5, 4, 4};
  for (std::size_t c = 0; c < fast.size(); ++c) {
    EXPECT_DOUBLE_EQ(history.occupancy[0].bytes[c], fast[c] * block) << c;
    EXPECT_DOUBLE_EQ(history.occupancy[1].bytes[c], (9 - fast[c]) * block) << c;
  }
}

TEST(PageJson, HoldsSourcesAndLeavesUnknownWritesOut) {
  const session::Session session = moving_session();
  const auto page = page_json(map_of(session), heat::build_timeline(session),
                              make_placement_history(session, 8), {});
  ASSERT_EQ(page.at("sources").size(), 1u);
  EXPECT_EQ(page.at("sources").at(0).at("name"), "present-bits");
  EXPECT_TRUE(page.at("sources").at(0).at("reason").is_null());
  EXPECT_TRUE(page.at("objects").at(0).at("written_per_second").is_null());
}

TEST(PageJson, SaysWhyNoHeatAtAllWasSeenAndNothingOfItOtherwise) {
  const session::Session seen = moving_session();
  const PlacementHistory history = make_placement_history(seen, 8);
  EXPECT_TRUE(page_json(map_of(seen), heat::build_timeline(seen), history, {})
                  .at("nothing_observed")
                  .is_null());
  session::Session unseen = seen;
  for (session::Object& object : unseen.objects) {
    for (session::HeatSample& sample : object.heat) sample.touches.assign(sample.touches.size(), 0);
  }
  const auto page = page_json(map_of(unseen), heat::build_timeline(unseen), history, {});
  EXPECT_NE(page.at("nothing_observed").get<std::string>().find("saw no touch"), std::string::npos);
}

TEST(PageJson, PlanAndSecondSessionGiveEachObjectItsGains) {
  const session::Session session = moving_session();
  heat::HeatMap map = map_of(session);
  heat::HeatMap after = map;
  after.objects[0].block_tiers.assign(8, 0);
  PageView view;
  view.after = &after;
  const double bytes = map.objects[0].bytes_per_second() * map.step_seconds;
  view.places.push_back({map.objects[0].key, {0.5, 0.5}, {bytes / 2, bytes / 2}});
  const auto page =
      page_json(map, heat::build_timeline(session), make_placement_history(session, 8), view);
  const auto& object = page.at("objects").at(0);
  // 90 and 10 % of the reads now, all on one tier of the same 10 GB/s after.
  EXPECT_NEAR(object.at("predicted_ms").get<double>(), 0.4 * bytes / 1e7, bytes / 1e9);
  EXPECT_NEAR(object.at("measured_ms").get<double>(), -0.1 * bytes / 1e7, bytes / 1e9);
  EXPECT_FALSE(page.at("objects").at(1).contains("predicted_ms"));
}

}  // namespace
}  // namespace terrace::report::page_data_test
