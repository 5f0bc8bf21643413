// SPDX-License-Identifier: Apache-2.0
#include "profiler/export/export.h"

#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "tests/unit/export/export_sessions.h"

namespace terrace::exporting::export_test {
namespace {

constexpr double kBlock = 2 * 1024 * 1024;

heat::Timeline timeline() {
  return heat::build_timeline(parsed(two_tier_session()));
}

std::vector<std::string> lines_of(const std::string& csv) {
  std::vector<std::string> lines;
  std::istringstream stream(csv);
  for (std::string line; std::getline(stream, line);) {
    EXPECT_EQ(line.back(), '\r');
    line.pop_back();
    lines.push_back(line);
  }
  return lines;
}

TEST(Timeline, TakesEachBlockFromTheSourceThatCountsItsTier) {
  const heat::Timeline made = timeline();
  ASSERT_EQ(made.objects.size(), 2u);
  const auto& stretches = made.objects[0].stretches;
  ASSERT_EQ(stretches.size(), 8u);
  EXPECT_STREQ(stretches[0].source, "present-bits");
  ASSERT_EQ(stretches[0].ranges.size(), 1u) << "the block on the link is left to its faults";
  EXPECT_EQ(stretches[0].ranges[0].blocks, 2u);
  EXPECT_DOUBLE_EQ(stretches[0].ranges[0].bytes, 2 * kBlock);
  EXPECT_DOUBLE_EQ(stretches[0].ranges[0].bytes_per_second, 2 * 10 * kBlock);
  EXPECT_STREQ(stretches[1].source, "link-faults");
  ASSERT_EQ(stretches[1].ranges.size(), 1u);
  EXPECT_EQ(stretches[1].ranges[0].first_block, 2u);
  EXPECT_DOUBLE_EQ(stretches[1].ranges[0].bytes_per_second, 20 * kBlock);
}

TEST(Timeline, KnowsWhereAnObjectLayBeforeItMoved) {
  const heat::Timeline made = timeline();
  const auto& stretches = made.objects[1].stretches;
  ASSERT_EQ(stretches.size(), 4u);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(stretches[i].ranges[0].tier, i < 2 ? 0 : 1) << i;
  }
}

TEST(Timeline, CostsAreDifferencesOfTotals) {
  const heat::Timeline made = timeline();
  ASSERT_EQ(made.costs.size(), 3u);
  EXPECT_DOUBLE_EQ(made.costs[0].begin_s, 2);
  EXPECT_NEAR(made.costs[0].recorder_cpu_share, 0.01, 1e-12);
  EXPECT_NEAR(made.costs[0].program_cpu_share, 2, 1e-12);
  EXPECT_NEAR(made.costs[0].link_wait_share, 0.5, 1e-12);
  EXPECT_NEAR(made.costs[0].link_bytes_per_second, 1e6, 1e-6);
}

TEST(Timeline, TheLastBlockOfAnObjectCountsForWhatIsThere) {
  session::ObjectRecord record{};
  record.object = 1;
  record.size_bytes = kBlockBytes.value + 1000;
  record.block_count = 2;
  session::SessionBuilder builder;
  builder.tier("fast").chunk(session::ChunkKind::kObject, record, std::string(2, '\0'));
  builder.heat(1, session::SourceKind::kPresentBits, 0, 1, 1, {3, 3});
  builder.heat(1, session::SourceKind::kReferencedBits, 1, 2, 1, {513});
  const heat::Timeline made = heat::build_timeline(parsed(builder));
  const auto& stretches = made.objects.at(0).stretches;
  ASSERT_EQ(stretches.size(), 2u);
  ASSERT_EQ(stretches[0].ranges.size(), 2u);
  EXPECT_DOUBLE_EQ(stretches[0].ranges[1].bytes, 1000);
  EXPECT_DOUBLE_EQ(stretches[0].ranges[1].bytes_per_second, 3000);
  double referenced = 0;
  for (const heat::HeatRange& range : stretches[1].ranges) referenced += range.bytes_per_second;
  EXPECT_NEAR(referenced, 513 * 4096.0, 1e-3);
}

TEST(Csv, HasARowForEachRangeAndStretch) {
  const auto lines = lines_of(to_csv(timeline(), Table::kHeat));
  ASSERT_EQ(lines.size(), 1u + 8 + 4);
  EXPECT_EQ(lines[0],
            "begin_seconds,end_seconds,object,site,ordinal,label,tier,first_block,blocks,bytes,"
            "bytes_per_second,source");
  EXPECT_EQ(lines[1].substr(0, 42), "1.000000,2.000000,1,0000000000001001,0,lib");
  EXPECT_NE(lines[1].find(",fast,0,2,4194304,41943040,present-bits"), std::string::npos)
      << lines[1];
  EXPECT_NE(lines[2].find(",\"slow, far\",2,1,2097152,41943040,link-faults"), std::string::npos)
      << lines[2];
}

TEST(Csv, QuotesWhatWouldBreakARow) {
  const std::string objects = to_csv(timeline(), Table::kObjects);
  EXPECT_NE(objects.find("\"\"\"m\"\",1.gguf\""), std::string::npos) << objects;
  session::SessionBuilder builder;
  builder.tier("a\nb\x1b").object(1, {0}, 0, {}, "/x\r\ny.gguf");
  const heat::Timeline hostile = heat::build_timeline(parsed(builder));
  EXPECT_EQ(lines_of(to_csv(hostile, Table::kObjects)).size(), 2u);
  EXPECT_EQ(lines_of(to_csv(hostile, Table::kTiers)).size(), 2u);
}

TEST(Csv, HasTheOtherTables) {
  const heat::Timeline made = timeline();
  EXPECT_EQ(lines_of(to_csv(made, Table::kSteps)).at(1), "2.000000,0.1,20");
  EXPECT_EQ(lines_of(to_csv(made, Table::kTiers)).at(2),
            "\"slow, far\",cxl,true,1073741824,10,100");
  EXPECT_EQ(lines_of(to_csv(made, Table::kCosts)).at(1), "2.000000,3.000000,0.01,2,0.5,1000000");
}

TEST(Json, HoldsEveryTable) {
  const auto document = nlohmann::json::parse(to_json(timeline()));
  EXPECT_EQ(document["schema_version"], kExportSchemaVersion);
  EXPECT_EQ(document["kind"], "session-export");
  EXPECT_EQ(document["machine_id"], "0123456789abcdef");
  EXPECT_EQ(document["emulated"], true);
  EXPECT_EQ(document["tiers"].size(), 2u);
  EXPECT_EQ(document["steps"].size(), 4u);
  EXPECT_EQ(document["costs"].size(), 3u);
  ASSERT_EQ(document["looks"].size(), 2u) << "one is of an unknown kind";
  EXPECT_EQ(document["looks"][0]["kind"], "windows");
  EXPECT_DOUBLE_EQ(document["looks"][0]["begin_seconds"].get<double>(), 2);
  EXPECT_DOUBLE_EQ(document["looks"][0]["caused_cpu_seconds"].get<double>(), 0.004);
  ASSERT_EQ(document["objects"].size(), 2u);
  const auto& first = document["objects"][0];
  EXPECT_EQ(first["site"], "0000000000001001");
  EXPECT_EQ(first["heat"].size(), 8u);
  EXPECT_EQ(first["heat"][1]["ranges"][0]["tier"], 1);
  EXPECT_EQ(first["heat"][1]["ranges"][0]["bytes_per_second"], 20 * kBlock);
}

/// Names of all fields, of a document or a table's line.
std::set<std::string> field_names(const nlohmann::json& value) {
  std::set<std::string> names;
  if (value.is_object()) {
    for (const auto& [name, inner] : value.items()) names.insert(name);
  }
  for (const auto& inner : value) {
    if (inner.is_structured()) names.merge(field_names(inner));
  }
  return names;
}

TEST(Names, SayTheirUnitAsThoseOfAllDocumentsDo) {
  std::set<std::string> names = field_names(nlohmann::json::parse(to_json(timeline())));
  names.merge(field_names(nlohmann::json::parse(to_trace(timeline()))));
  for (const Table table :
       {Table::kHeat, Table::kObjects, Table::kSteps, Table::kTiers, Table::kCosts}) {
    std::istringstream line(lines_of(to_csv(timeline(), table)).front());
    for (std::string name; std::getline(line, name, ',');) names.insert(name);
  }
  EXPECT_TRUE(names.contains("period_seconds"));
  for (const std::string& name : names) {
    EXPECT_FALSE(name.ends_with("_s") || name.ends_with("_ms")) << name;
  }
}

// The last value that each counter takes before `at_s`.
std::map<std::string, double> counters_at(const nlohmann::json& trace, double at_s) {
  std::map<std::string, double> values;
  for (const auto& event : trace["traceEvents"]) {
    if (event["ph"] != "C" || event["ts"].get<double>() > at_s * 1e6) continue;
    values[event["name"]] = event["args"].begin().value().get<double>();
  }
  return values;
}

TEST(Trace, CountersGiveBytesPerSecondByTierAndObject) {
  const auto trace = nlohmann::json::parse(to_trace(timeline()));
  const auto values = counters_at(trace, 1.5);
  // Object 1's two blocks and the file at 4 passes a second.
  EXPECT_DOUBLE_EQ(values.at("tier fast"), (2 * 10 + 4) * kBlock);
  EXPECT_DOUBLE_EQ(values.at("tier slow, far (emulated)"), 20 * kBlock);
  EXPECT_DOUBLE_EQ(values.at("object 2: \"m\",1.gguf"), 4 * kBlock);
  EXPECT_DOUBLE_EQ(counters_at(trace, 3.5).at("tier fast"), 2 * 10 * kBlock) << "the file moved";
  for (const auto& [name, value] : counters_at(trace, 100)) {
    const bool rate = name.starts_with("tier") || name.starts_with("object");
    EXPECT_TRUE(!rate || value == 0) << name;
  }
}

TEST(Trace, EventsHaveWhatTheFormatAsksFor) {
  const auto trace = nlohmann::json::parse(to_trace(timeline()));
  int steps = 0;
  std::map<std::string, int> phases;
  for (const auto& event : trace["traceEvents"]) {
    const std::string phase = event["ph"];
    ++phases[phase];
    ASSERT_TRUE(event["name"].is_string());
    ASSERT_EQ(event["pid"], 42);
    EXPECT_EQ(event.contains("ts") && event["ts"].is_number(), phase != "M");
    if (phase == "X") {
      EXPECT_GE(event["dur"].get<double>(), 5e5);
    }
    if (phase == "i") {
      EXPECT_EQ(event["s"], "p");
      EXPECT_DOUBLE_EQ(event["args"]["period_seconds"].get<double>(), 0.1);
      ++steps;
    }
  }
  EXPECT_EQ(steps, 4);
  EXPECT_EQ(phases["M"], 1);
  EXPECT_EQ(phases["X"], 2);
  EXPECT_EQ(phases["b"], 2);
  EXPECT_EQ(phases["e"], 2);
}

}  // namespace
}  // namespace terrace::exporting::export_test
