// SPDX-License-Identifier: Apache-2.0
#include "tiering/cli/top_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "profiler/report/words.h"
#include "tests/unit/cli/top_sample.h"
#include "tiering/cli/fitted_table.h"
#include "tiering/cli/top_document.h"

namespace terrace::cli::top_view_test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using Json = nlohmann::ordered_json;

Json document() {
  Json later = sample_answer();
  later["spilled_blocks"] = 7;
  return top_document(sample_answer(), later, 1);
}

TopLayout layout(std::size_t columns, std::size_t rows) {
  TopLayout layout;
  layout.size = {columns, rows};
  layout.footer = "every 1s; q quits";
  return layout;
}

std::string all(const std::vector<TopLine>& lines) {
  std::string text;
  for (const TopLine& line : lines) text += line.text + "\n";
  return text;
}

TEST(TopView, FitsEverySize) {
  Json crowded = document();
  for (int i = 0; i < 30; ++i) {
    crowded["largest"].push_back(crowded["largest"][1]);
    crowded["messages"].push_back(crowded["messages"][0]);
  }
  for (int i = 0; i < 14; ++i) crowded["tiers"].push_back(crowded["tiers"][0]);
  for (const Json& one : {document(), crowded}) {
    for (std::size_t rows = 1; rows <= 70; ++rows) {
      for (const std::size_t columns : {1, 2, 5, 20, 40, 80, 132, 200}) {
        const std::vector<TopLine> lines = top_lines(one, layout(columns, rows));
        EXPECT_LE(lines.size(), rows) << columns << "x" << rows;
        for (const TopLine& line : lines) EXPECT_LE(line.text.size(), columns) << line.text;
      }
    }
  }
}

TEST(TopView, TheSmallestScreenHasProgramTiersAndTheFirstObject) {
  const std::vector<TopLine> lines = top_lines(document(), layout(20, 5));
  ASSERT_EQ(lines.size(), 5u);
  EXPECT_EQ(lines[0].text, "llama-server (pid ..");
  EXPECT_THAT(lines[1].text, HasSubstr("dram"));
  EXPECT_THAT(lines[1].text, HasSubstr("11 %"));
  EXPECT_THAT(lines[2].text, HasSubstr("slow"));
  EXPECT_THAT(lines[3].text, HasSubstr("weights"));
  EXPECT_THAT(lines[4].text, HasSubstr("0 s ago"));
}

TEST(TopView, AnOrdinaryScreenHasTitlesAndAFooter) {
  const std::vector<TopLine> lines = top_lines(document(), layout(80, 24));
  ASSERT_EQ(lines.size(), 24u);
  EXPECT_EQ(lines[0].text,
            "llama-server (pid 4711) running for 65 s, EMULATED tier: 2 objects, 110.0 MiB");
  EXPECT_EQ(lines[0].look, TopLine::Look::kTitle);
  EXPECT_THAT(all(lines), HasSubstr("largest"));
  EXPECT_THAT(all(lines), HasSubstr("dram 80 %, slow 20 %"));
  EXPECT_THAT(all(lines),
              HasSubstr("0 s ago: 7 blocks on another tier than asked, which was full"));
  EXPECT_EQ(lines[23].text, "every 1s; q quits");
}

TEST(TopView, OneIsNotCountedAsMany) {
  Json one = document();
  one["live"]["objects"] = 1;
  EXPECT_THAT(top_lines(one, layout(80, 24))[0].text, HasSubstr(": 1 object, 110.0 MiB"));
}

TEST(TopView, AWideScreenHasEveryColumn) {
  const std::string text = all(top_lines(document(), layout(200, 60)));
  for (const char* word : {"[##..................]", "capacity", "read", "change", "backing",
                           "8.00 GiB", "0 GB/s", "60 s", "make_cache < main"}) {
    EXPECT_THAT(text, HasSubstr(word));
  }
}

TEST(TopView, NobodyCountsATierWithoutLinkOrRecording) {
  const std::vector<TopLine> lines = top_lines(document(), layout(200, 60));
  EXPECT_THAT(lines[3].text, HasSubstr("dram"));
  EXPECT_THAT(lines[3].text, HasSubstr("  -"));
  EXPECT_THAT(lines[3].text, Not(HasSubstr("GB/s")));
}

TEST(TopView, HotObjectsComeInPlaceOfLargeOnes) {
  Json hot = document();
  hot["hottest"] = Json::array({hot["largest"][1]});
  hot["hottest"][0]["bytes_per_second"] = 2.5e9;
  const std::string text = all(top_lines(hot, layout(100, 24)));
  EXPECT_THAT(text, HasSubstr("hottest"));
  EXPECT_THAT(text, HasSubstr("~2.50 GB/s"));
  EXPECT_THAT(text, Not(HasSubstr("largest")));
}

TEST(TopView, WarningsStandOutAndANoticeComesFirst) {
  TopLayout noticed = layout(80, 24);
  noticed.notice = "4711 did not answer";
  const std::vector<TopLine> lines = top_lines(document(), noticed);
  EXPECT_EQ(lines[1].text, "4711 did not answer");
  EXPECT_EQ(lines[1].look, TopLine::Look::kWarning);
  bool found = false;
  for (const TopLine& line : lines) {
    if (line.text.find("a plan for another machine") == std::string::npos) continue;
    found = true;
    EXPECT_EQ(line.look, TopLine::Look::kWarning);
  }
  EXPECT_TRUE(found);
}

TEST(TopView, NamesCannotCommandTheTerminal) {
  Json hostile = document();
  hostile["program"] = "\x1b[2Jevil\n";
  hostile["largest"][0]["label"] =
      "\xc2\x9b"
      "31m";
  hostile["messages"][0]["text"] = "bell\a";
  for (const TopLine& line : top_lines(hostile, layout(100, 24))) {
    for (const char letter : line.text) {
      EXPECT_GE(static_cast<unsigned char>(letter), 0x20);
      EXPECT_LT(static_cast<unsigned char>(letter), 0x7F);
    }
  }
}

TEST(TopView, LettersBeyondAsciiStayWhereTheTerminalKnowsThem) {
  Json named = document();
  named["largest"][0]["label"] = "gewichte-\xc3\xa4";
  TopLayout utf8 = layout(100, 24);
  EXPECT_THAT(all(top_lines(named, utf8)), HasSubstr("gewichte-?"));
  utf8.letters = Letters::kUtf8;
  EXPECT_THAT(all(top_lines(named, utf8)), HasSubstr("gewichte-\xc3\xa4"));
}

TEST(FittedTable, LeastImportantColumnsGoFirst) {
  FittedTable table({{"name", Align::kLeft, 9, 6},
                     {"bar", Align::kLeft, 1},
                     {"size", Align::kRight, 2},
                     {"label", Align::kLeft, 3}});
  table.add({"a-long-name", "#####", "12 MiB", "what it is for"});
  EXPECT_EQ(table.lines(40)[1], "a-lo..  #####  12 MiB  what it is for");
  EXPECT_EQ(table.lines(24)[1], "a-lo..  12 MiB  what i..");
  EXPECT_EQ(table.lines(16)[1], "a-lo..  what i..");
  EXPECT_EQ(table.lines(8)[1], "a-lo..");
  EXPECT_EQ(table.lines(3)[1].size(), 3u);
}

}  // namespace
}  // namespace terrace::cli::top_view_test
