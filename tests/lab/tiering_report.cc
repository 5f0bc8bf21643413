// SPDX-License-Identifier: Apache-2.0
// Puts runs of tiering_workload side by side: `tiering_report NAME=FILE...` prints a table and, as
// its last line, one JSON object with all of it round by round; `tiering_report --settled FILE`
// prints how many pages moved after the first quarter of the rounds. For machines of the lab
// (guest/kernel_tiering.sh).
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

namespace terrace::lab {
namespace {

using nlohmann::json;

json load(const std::string& path) {
  std::ifstream in(path);
  json run = json::parse(in, nullptr, false);
  if (run.is_discarded() || run.at("rounds").empty()) {
    std::fprintf(stderr, "%s holds no run of tiering_workload\n", path.c_str());
    std::exit(2);
  }
  return run;
}

/// Sum of a count over rounds [first, end).
std::uint64_t total(const json& run, const char* name, std::size_t first = 0) {
  std::uint64_t sum = 0;
  const json& rounds = run.at("rounds");
  for (std::size_t i = first; i < rounds.size(); ++i) sum += rounds[i].value(name, 0ull);
  return sum;
}

/// Of the workload's own pages; the kernel's counters are the whole machine's.
std::uint64_t moved_after_settling(const json& run) {
  const std::size_t first = run.at("rounds").size() / 4;
  return total(run, "up", first) + total(run, "down", first);
}

/// Share of a part's pages on the fast node, node 0, at the end; in percent.
double on_fast_node(const json& run, const char* part) {
  const json& nodes = run.at("rounds").back().at(part);
  double all = 0;
  for (const auto& [node, pages] : nodes.items()) all += pages.get<double>();
  return nodes.value("0", 0.0) / all * 100;
}

json summary(const json& run) {
  const json& rounds = run.at("rounds");
  const auto with_moves = std::count_if(rounds.begin(), rounds.end(), [](const json& round) {
    return round.at("up").get<std::uint64_t>() + round.at("down").get<std::uint64_t>() != 0;
  });
  return {{"up", total(run, "up")},
          {"down", total(run, "down")},
          {"back", total(run, "back")},
          {"rounds_with_moves", with_moves},
          {"moved_after_settling", moved_after_settling(run)},
          {"pgmigrate_success", total(run, "pgmigrate_success")},
          {"pgpromote_success", total(run, "pgpromote_success")},
          {"pgdemote", total(run, "pgdemote_kswapd") + total(run, "pgdemote_direct")},
          {"numa_hint_faults", total(run, "numa_hint_faults")},
          {"numa_pages_migrated", total(run, "numa_pages_migrated")},
          {"hot_on_fast_percent", on_fast_node(run, "hot")},
          {"scanned_on_fast_percent", on_fast_node(run, "scanned")}};
}

void print_row(const std::string& name, const json& sums, std::size_t rounds) {
  const auto count = [&](const char* key) { return sums.at(key).get<unsigned long long>(); };
  std::printf("%-22s %8llu %8llu %8llu %5llu/%-3zu %9llu %9llu %9llu %9llu %7.1f%% %7.1f%%\n",
              name.c_str(), count("up"), count("down"), count("back"), count("rounds_with_moves"),
              rounds, count("moved_after_settling"), count("pgpromote_success"), count("pgdemote"),
              count("numa_hint_faults"), sums.at("hot_on_fast_percent").get<double>(),
              sums.at("scanned_on_fast_percent").get<double>());
}

int report(int count, char** arguments) {
  json all = json::object();
  std::printf("Pages of 4 KiB. Lab, emulated CPU: counts are real, times mean nothing.\n");
  std::printf("%-22s %8s %8s %8s %9s %9s %9s %9s %9s %8s %8s\n", "placed by", "up", "down", "back",
              "in rounds", "settled+", "promoted", "demoted", "hints", "hot", "scanned");
  for (int i = 0; i < count; ++i) {
    const std::string argument = arguments[i];
    const std::size_t equals = argument.find('=');
    if (equals == std::string::npos) return 2;
    const json run = load(argument.substr(equals + 1));
    const std::string name = argument.substr(0, equals);
    const json sums = summary(run);
    print_row(name, sums, run.at("rounds").size());
    all[name] = {{"sums", sums}, {"rounds", run.at("rounds")}};
  }
  std::printf("%s\n", json{{"schema_version", 1}, {"lab", true}, {"runs", all}}.dump().c_str());
  return 0;
}

}  // namespace
}  // namespace terrace::lab

int main(int count, char** arguments) {
  if (count == 3 && std::strcmp(arguments[1], "--settled") == 0) {
    std::printf("%llu\n", static_cast<unsigned long long>(terrace::lab::moved_after_settling(
                              terrace::lab::load(arguments[2]))));
    return 0;
  }
  if (count < 2) {
    std::fprintf(stderr, "usage: %s NAME=FILE... | --settled FILE\n", arguments[0]);
    return 2;
  }
  return terrace::lab::report(count - 1, arguments + 1);
}
