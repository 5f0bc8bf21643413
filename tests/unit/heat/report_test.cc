// SPDX-License-Identifier: Apache-2.0
#include "profiler/report/report.h"

#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <vector>

#include "profiler/report/sources.h"
#include "profiler/report/words.h"

namespace terrace::report::report_test {
namespace {

constexpr double kBlock = static_cast<double>(kBlockBytes.value);

Tier tier_named(const char* name, TierKind kind, BackingKind backing, Bytes capacity,
                double bandwidth) {
  Tier tier;
  tier.name = name;
  tier.kind = kind;
  tier.backing = backing;
  tier.capacity = {capacity, Provenance::kUserFile};
  tier.read_bandwidth = {GBps(bandwidth), Provenance::kUserFile};
  return tier;
}

heat::ObjectHeat object_of(const char* label, const std::vector<double>& passes_per_second,
                           std::uint8_t tier, const char* source, double error) {
  heat::ObjectHeat object;
  object.key.site_hash = 0xABCDEF;
  object.key.size_bytes = passes_per_second.size() * kBlockBytes.value;
  object.label = label;
  for (const double passes : passes_per_second) {
    object.block_bytes_per_second.push_back(passes * kBlock);
  }
  object.block_tiers.assign(passes_per_second.size(), tier);
  object.source = source;
  object.relative_error = error;
  return object;
}

// A dense model, a mixture's experts of which some are cold, and a cold table.
heat::HeatMap sample_map() {
  heat::HeatMap map;
  map.machine_id = "0123456789abcdef";
  map.executable = "/opt/llama/llama-bench";
  map.emulated = true;
  map.tiers = {tier_named("dram", TierKind::kDram, BackingKind::kNuma, GiB(1), 10.2),
               tier_named("cxl", TierKind::kCxl, BackingKind::kEmulatedLink, GiB(8), 2.5)};
  map.step_seconds = 0.0625;
  map.step_source = "watched block";
  map.start_realtime_ns = 1700000000000000000;
  map.recorded_seconds = 32.4;
  map.steady = {{4.2, 30.7}};
  map.link_wait_share = 0.21;
  map.recorder_cpu_share = 0.013;
  heat::SourceFacts bits;
  bits.name = "present-bits";
  bits.choice = "automatic";
  bits.reason = "memory samples: no \x1b[2J event; present-bits work here";
  bits.confidence = 0.95;
  bits.budget_share = 0.01;
  bits.own_cpu_share = 0.002;
  bits.caused_cpu_share = 0.0076;
  bits.window_seconds = 0.00125;
  bits.period_seconds = 0.025;
  map.sources.push_back(bits);
  map.objects.push_back(object_of("llama_model_loader::load_all_data < llama_model::load_tensors",
                                  std::vector<double>(320, 16), 0, "present-bits", 0.021));
  map.objects[0].block_tiers[0] = 1;
  map.objects[0].block_bytes_written_per_second.assign(320, 0);
  map.objects[0].block_bytes_written_per_second[5] = 2e9;
  map.objects[0].written_known_bytes = 320 * kBlock;
  std::vector<double> experts;
  for (int expert = 0; expert < 8; ++expert) experts.insert(experts.end(), 20, 16.0 / (1 + expert));
  experts.insert(experts.end(), 40, 0.0);
  map.objects.push_back(object_of("moe.gguf", experts, 1, "link-faults", 0));
  map.objects.push_back(object_of("libengine.so+0x1234", {0, 0, 0}, 1, "none", 1));
  return map;
}

heat::HeatMap cold_map(double watched_seconds) {
  heat::HeatMap map = sample_map();
  for (heat::ObjectHeat& object : map.objects) {
    object.block_bytes_per_second.assign(object.block_bytes_per_second.size(), 0.0);
    object.watched_seconds = watched_seconds;
  }
  return map;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

TEST(TextReport, TellsWhatAUserAsksFor) {
  ReportOptions options;
  options.session_path = "run.tsession";
  const std::string text = render_text(sample_map(), options);
  RecordProperty("report", text);
  for (const char* wanted :
       {"EMULATED", "62.5 ms", "watched block", "llama-bench", "640.0 MiB", "moe.gguf", "exact",
        "2.1 %", "heat from    26.5 s of it, 4.20 to 30.7 s", "21 % of the time",
        "1.3 % of one CPU",
        "a full bar cell is read 16.0 times a "
        "second, 1.00 times a step",
        "Next: terrace plan run.tsession"}) {
    EXPECT_NE(text.find(wanted), std::string::npos) << wanted << "\n" << text;
  }
  // 640 MiB at 16 passes a second are 10.7 GB/s and, at 16 steps a second, 671 MB a step.
  EXPECT_NE(text.find("10.7"), std::string::npos) << text;
  EXPECT_NE(text.find("671"), std::string::npos) << text;
}

TEST(TextReport, KeepsToTheWidth) {
  for (const int width : {60, 80, 100, 160}) {
    for (const heat::HeatMap& map : {sample_map(), cold_map(0)}) {
      ReportOptions options;
      options.width = width;
      const std::vector<std::string> lines = lines_of(render_text(map, options));
      for (std::size_t i = 0; i + 1 < lines.size(); ++i) {
        EXPECT_LE(columns(lines[i]), static_cast<std::size_t>(width)) << lines[i];
      }
    }
  }
}

TEST(TextReport, AsciiOptionLeavesNoOtherByte) {
  ReportOptions options;
  options.glyphs = Glyphs::kAscii;
  for (const char c : render_text(sample_map(), options)) {
    EXPECT_TRUE(c == '\n' || (c >= ' ' && c <= '~'));
  }
}

TEST(TextReport, BarsShowColdRangesApart) {
  ReportOptions options;
  options.glyphs = Glyphs::kAscii;
  options.width = 205;
  const std::string text = render_text(sample_map(), options);
  const std::string expert_bar = std::string(20, '8') + std::string(20, '4') +
                                 std::string(20, '3') + std::string(20, '2') +
                                 std::string(20, '2') + std::string(60, '1') + std::string(40, '.');
  EXPECT_NE(text.find("     " + expert_bar + "\n"), std::string::npos) << text;
}

TEST(TextReport, SumsUpWhatItLeavesOut) {
  ReportOptions options;
  options.max_objects = 1;
  const std::string text = render_text(sample_map(), options);
  EXPECT_NE(text.find("2 more objects"), std::string::npos) << text;
  EXPECT_EQ(text.find("moe.gguf"), std::string::npos);
}

TEST(TextReport, NamesFromASessionCannotSteerTheTerminal) {
  heat::HeatMap map = sample_map();
  map.objects[0].label =
      "a\x1b[2Jb\xC2\x9B"
      "c\xFF"
      "d\xE2\x82\xAC";
  const std::string text = render_text(map, {});
  EXPECT_NE(text.find("a?[2Jb?c?d\xE2\x82\xAC"), std::string::npos) << text;
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_NO_THROW((void)to_json(map).dump());
}

TEST(TextReport, CopesWithAnEmptyMap) {
  EXPECT_NE(render_text({}, {}).find("not found"), std::string::npos);
  EXPECT_TRUE(to_json({})["step"]["seconds"].is_null());
}

TEST(TextReport, StatesWhatWatchingCostAndHowSureItIs) {
  const std::string text = render_text(sample_map(), {});
  for (const char* wanted :
       {"source       present-bits: cost 1.0 % of the program's CPU time (1.0 % allowed), "
        "confidence "
        "95 %",
        "windows of 1.25 ms each 25.0 ms", "automatic: memory samples: no ?[2J event; present-bits",
        "source       link-faults: confidence 100 %"}) {
    EXPECT_NE(text.find(wanted), std::string::npos) << wanted << "\n" << text;
  }
}

TEST(TextReport, ASessionThatDoesNotTellItsCostIsNotTakenForFree) {
  heat::HeatMap map = sample_map();
  map.sources.clear();
  const std::string text = render_text(map, {});
  EXPECT_NE(text.find("source       present-bits: confidence unknown"), std::string::npos) << text;
  EXPECT_NE(text.find("the session does not say why it was chosen and what it cost"),
            std::string::npos);
}

TEST(TextReport, WarnsWhenNoWindowCounted) {
  ReportOptions options;
  options.width = 200;
  const std::string text = render_text(cold_map(0), options);
  for (const char* wanted :
       {"WARNING", "no window of an access source counted", "unknown, not cold", "--budget 0%"}) {
    EXPECT_NE(text.find(wanted), std::string::npos) << wanted << "\n" << text;
  }
  EXPECT_NE(to_json(cold_map(0))["nothing_observed"].get<std::string>().find("no window"),
            std::string::npos);
}

TEST(TextReport, WarnsOtherwiseWhenWindowsSawNoTouch) {
  ReportOptions options;
  options.width = 200;
  const std::string text = render_text(cold_map(0.25), options);
  EXPECT_NE(text.find("the windows, 250 ms together, saw no touch"), std::string::npos) << text;
}

TEST(TextReport, DoesNotWarnWhereSomeHeatWasSeen) {
  EXPECT_EQ(render_text(sample_map(), {}).find("WARNING"), std::string::npos);
  EXPECT_TRUE(to_json(sample_map())["nothing_observed"].is_null());
  EXPECT_TRUE(nothing_observed({}).empty());
}

TEST(TextReport, WritesThatNobodyToldApartAreUnknown) {
  heat::HeatMap map = sample_map();
  map.objects[0].written_known_bytes = 160 * kBlock;
  const std::vector<std::string> lines = lines_of(render_text(map, {}));
  const auto row = [&](const char* number) {
    for (const std::string& line : lines) {
      if (line.starts_with(number)) return line;
    }
    return std::string();
  };
  EXPECT_NE(row("  1 ").find("  >=2.00  "), std::string::npos) << row("  1 ");
  EXPECT_NE(row("  2 ").find("  ?  "), std::string::npos) << row("  2 ");
}

TEST(JsonReport, HoldsSourcesAndWrites) {
  const nlohmann::json report = to_json(sample_map());
  ASSERT_EQ(report["sources"].size(), 2u);
  const nlohmann::json& bits = report["sources"][0];
  EXPECT_EQ(bits["name"], "present-bits");
  EXPECT_EQ(bits["objects"], 1);
  EXPECT_NEAR(bits["cpu_share"].get<double>(), 0.0096, 1e-9);
  EXPECT_EQ(bits["budget_share"], 0.01);
  EXPECT_EQ(bits["confidence"], 0.95);
  EXPECT_EQ(report["sources"][1]["name"], "link-faults");
  EXPECT_TRUE(report["sources"][1]["cpu_share"].is_null());
  EXPECT_EQ(report["objects"][0]["bytes_written_per_second"], 2e9);
  EXPECT_EQ(report["objects"][0]["written_known_share"], 1);
  EXPECT_TRUE(report["objects"][1]["bytes_written_per_second"].is_null());
}

TEST(JsonReport, TellsWhenItWasAndOfWhichPartHeatIs) {
  heat::HeatMap map = sample_map();
  map.steady = {{4.2, 10}, {20, 30.7}};
  const nlohmann::json report = to_json(map);
  EXPECT_EQ(report["start_realtime_ns"], 1700000000000000000);
  ASSERT_EQ(report["steady"].size(), 2u);
  EXPECT_EQ(report["steady"][1]["begin_seconds"], 20);
  EXPECT_EQ(report["steady"][1]["end_seconds"], 30.7);
  EXPECT_NE(render_text(map, {}).find("16.5 s of it, 2 parts between 4.20 and 30.7 s"),
            std::string::npos);
}

TEST(JsonReport, HoldsRunsOfEqualBlocks) {
  const nlohmann::json report = to_json(sample_map());
  EXPECT_EQ(report["schema_version"], kReportSchemaVersion);
  EXPECT_EQ(report["emulated"], true);
  EXPECT_EQ(report["tiers"][1]["emulated"], true);
  EXPECT_EQ(report["tiers"][0]["read_bandwidth_gbps"]["value"], 10.2);
  const nlohmann::json& dense = report["objects"][0];
  ASSERT_EQ(dense["ranges"].size(), 2u) << "one block lies on the other tier";
  EXPECT_EQ(dense["ranges"][1]["first_block"], 1);
  EXPECT_EQ(dense["ranges"][1]["blocks"], 319);
  EXPECT_EQ(dense["tier_bytes"][1], kBlock);
  EXPECT_EQ(report["objects"][1]["ranges"].size(), 9u);
  std::uint64_t blocks = 0;
  for (const auto& range : report["objects"][1]["ranges"]) {
    blocks += range["blocks"].get<std::uint64_t>();
  }
  EXPECT_EQ(blocks, 200u);
  EXPECT_NEAR(dense["bytes_per_step"].get<double>(), 320 * kBlock, 1);
  EXPECT_EQ(dense["site"], "0000000000abcdef");
}

TEST(ReportWords, SayNumbersShortly) {
  EXPECT_EQ(digits(12.345), "12.3");
  EXPECT_EQ(digits(0.01234), "0.012");
  EXPECT_EQ(percent(0.5), "50 %");
  EXPECT_EQ(fit("abcdef", 5), "abc..");
  EXPECT_EQ(fit("\xE2\x82\xAC\xE2\x82\xAC\xE2\x82\xAC\xE2\x82\xAC", 3), "\xE2\x82\xAC..");
  EXPECT_EQ(right("ab", 4), "  ab");
}

}  // namespace
}  // namespace terrace::report::report_test
