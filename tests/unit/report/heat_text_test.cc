// SPDX-License-Identifier: Apache-2.0
#include "profiler/report/heat_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace terrace::report::heat_text_test {
namespace {

using testing::HasSubstr;
using testing::Not;

HeatGrid small_grid() {
  HeatGrid grid;
  grid.columns = 4;
  grid.seconds = 4;
  GridRow row;
  row.label = "weights";
  row.bytes = 8;
  row.tier_bytes = {2, 6};
  row.bytes_per_second = {-1, 0, 1e6, 1e9};
  grid.rows.push_back(row);
  return grid;
}

std::vector<Tier> two_tiers() {
  std::vector<Tier> tiers(2);
  tiers[0].name = "fast";
  tiers[1].name = "slow";
  return tiers;
}

TEST(HeatText, UnobservedUntouchedAndHotCellsDiffer) {
  const std::string text = render_heat_text(small_grid(), two_tiers(), {});
  EXPECT_THAT(text, HasSubstr("  ·░█ slow\n"));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
}

TEST(HeatText, AsciiStandsInForBlocks) {
  ReportOptions options;
  options.glyphs = Glyphs::kAscii;
  const std::string text = render_heat_text(small_grid(), two_tiers(), options);
  EXPECT_THAT(text, HasSubstr(" .:# slow\n"));
  for (const char letter : text) EXPECT_LT(static_cast<unsigned char>(letter), 0x80);
}

TEST(HeatText, ColoursOnlyWhenAsked) {
  ReportOptions options;
  options.colours = Colours::k256;
  EXPECT_THAT(render_heat_text(small_grid(), two_tiers(), options),
              HasSubstr("\x1b[38;5;226m█\x1b[0m"));
}

}  // namespace
}  // namespace terrace::report::heat_text_test
