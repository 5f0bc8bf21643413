// SPDX-License-Identifier: Apache-2.0
#include "profiler/report/sources.h"

#include <algorithm>
#include <string_view>

#include "allocators/base/count_of.h"
#include "profiler/report/words.h"
#include "profiler/session/source_name.h"

namespace terrace::report {
namespace {

using nlohmann::json;

constexpr std::size_t kIndent = 13;

json known(double value) {
  return value > 0 ? json(value) : json();
}

/// "present-bits+link-faults" rests on both.
bool rests_on(const heat::ObjectHeat& object, std::string_view source) {
  const std::string_view all = object.source;
  const std::size_t at = all.find(source);
  if (at == std::string_view::npos) return false;
  const std::size_t end = at + source.size();
  return (at == 0 || all[at - 1] == '+') && (end == all.size() || all[end] == '+');
}

json use_of(const heat::HeatMap& map, const std::string& source) {
  std::size_t objects = 0;
  double rate = 0;
  for (const heat::ObjectHeat& object : map.objects) {
    if (!rests_on(object, source)) continue;
    ++objects;
    rate += object.bytes_per_second();
  }
  return {{"name", source}, {"objects", objects}, {"bytes_per_second", rate}};
}

json source_json(const heat::HeatMap& map, const heat::SourceFacts& facts) {
  json source = use_of(map, facts.name);
  source["choice"] = facts.choice;
  source["reason"] = printable(facts.reason);
  source["confidence"] = facts.confidence;
  source["budget_share"] = known(facts.budget_share);
  source["cpu_share"] = known(facts.cpu_share());
  source["own_cpu_share"] = known(facts.own_cpu_share);
  source["caused_cpu_share"] = known(facts.caused_cpu_share);
  source["bytes_per_observation"] =
      facts.per_observation.value > 0 ? facts.per_observation.value : kBlockBytes.value;
  source["window_seconds"] = known(facts.window_seconds);
  source["period_seconds"] = known(facts.period_seconds);
  return source;
}

/// A source that the session does not tell of: emulated links count for themselves, and what
/// earlier versions recorded says no more than its kind.
json untold_json(const heat::HeatMap& map, const std::string& name) {
  const bool link = name == session::name_of(session::SourceKind::kLinkFaults);
  json source = use_of(map, name);
  source["choice"] = link ? json("automatic") : json();
  source["reason"] = link ? json("every pass over an emulated link is counted") : json();
  source["confidence"] = link ? json(1.0) : json();
  source["bytes_per_observation"] = link ? json(kBlockBytes.value) : json();
  for (const char* unknown : {"budget_share", "cpu_share", "own_cpu_share", "caused_cpu_share",
                              "window_seconds", "period_seconds"}) {
    source[unknown] = nullptr;
  }
  return source;
}

/// By which sources objects were observed, in order of appearance.
std::vector<std::string> sources_of_objects(const heat::HeatMap& map) {
  std::vector<std::string> names;
  for (const heat::ObjectHeat& object : map.objects) {
    for (std::size_t at = 0; at < object.source.size() && object.source != "none";) {
      const std::size_t end = std::min(object.source.find('+', at), object.source.size());
      const std::string name = object.source.substr(at, end - at);
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
      at = end + 1;
    }
  }
  return names;
}

std::string milliseconds(const json& seconds) {
  return digits(seconds.get<double>() * 1e3) + " ms";
}

/// "present-bits: 0.98 % of the program's CPU time (1 % allowed), confidence 95 %, ..."
std::string summary(const json& source) {
  std::string text = source.at("name").get<std::string>() + ": ";
  if (!source.at("cpu_share").is_null()) {
    text += "cost " + percent(source.at("cpu_share").get<double>()) + " of the program's CPU time";
    text += source.at("budget_share").is_null()
                ? " (no limit), "
                : " (" + percent(source.at("budget_share").get<double>()) + " allowed), ";
  }
  text += source.at("confidence").is_null()
              ? "confidence unknown"
              : "confidence " + percent(source.at("confidence").get<double>());
  if (!source.at("window_seconds").is_null() && !source.at("period_seconds").is_null()) {
    text += ", windows of " + milliseconds(source.at("window_seconds")) + " each " +
            milliseconds(source.at("period_seconds"));
  }
  return text;
}

/// Broken between words; what does not fit a line by itself is cut.
void append_wrapped(const std::string& text, std::size_t width, std::vector<std::string>& lines) {
  const std::size_t room = width > kIndent + 8 ? width - kIndent : 8;
  std::string line;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    const std::string word = text.substr(at, end - at);
    if (!line.empty() && columns(line) + 1 + columns(word) > room) {
      lines.push_back(std::string(kIndent, ' ') + line);
      line.clear();
    }
    line += (line.empty() ? "" : " ") + word;
    at = end + 1;
  }
  if (!line.empty()) lines.push_back(std::string(kIndent, ' ') + fit(line, room));
}

}  // namespace

json sources_json(const heat::HeatMap& map) {
  json sources = json::array();
  for (const heat::SourceFacts& facts : map.sources) sources.push_back(source_json(map, facts));
  for (const std::string& name : sources_of_objects(map)) {
    const bool told = std::any_of(map.sources.begin(), map.sources.end(),
                                  [&](const heat::SourceFacts& one) { return one.name == name; });
    if (!told) sources.push_back(untold_json(map, name));
  }
  return sources;
}

json steady_json(const heat::HeatMap& map) {
  json spans = json::array();
  for (const heat::Span& span : map.steady) {
    spans.push_back({{"begin_seconds", span.begin_s}, {"end_seconds", span.end_s}});
  }
  return spans;
}

std::string steady_text(const heat::HeatMap& map) {
  if (map.steady.empty()) return {};
  double sum = 0;
  for (const heat::Span& span : map.steady) sum += span.end_s - span.begin_s;
  const bool whole = map.steady.size() == 1;
  return "heat from    " + digits(sum) + " s of it, " +
         (whole ? "" : count_of(map.steady.size(), "part") + " between ") +
         digits(map.steady.front().begin_s) + (whole ? " to " : " and ") +
         digits(map.steady.back().end_s) + " s";
}

std::string nothing_observed(const heat::HeatMap& map) {
  double watched_s = 0;
  for (const heat::ObjectHeat& object : map.objects) {
    if (object.bytes_per_second() > 0) return {};
    watched_s = std::max(watched_s, object.watched_seconds);
  }
  if (map.objects.empty()) return {};
  if (watched_s <= 0) {
    return "nothing was observed: no window of an access source counted while the program worked, "
           "so "
           "zero heat here means unknown, not cold. The recording was too short, or other programs "
           "kept the recorder from the CPU: record for a minute, on a machine with an idle CPU, or "
           "with --budget 0%";
  }
  return "nothing was observed: the windows, " + milliseconds(watched_s) +
         " together, saw no touch of any object. The program may have waited all the time, or used "
         "memory below the threshold: record it at work and for longer, or with a lower threshold";
}

std::vector<std::string> nothing_observed_text(const heat::HeatMap& map, std::size_t width) {
  std::vector<std::string> lines;
  const std::string text = nothing_observed(map);
  if (text.empty()) return lines;
  append_wrapped(text, width, lines);
  lines.front().replace(0, 7, "WARNING");
  return lines;
}

std::vector<std::string> sources_text(const heat::HeatMap& map, std::size_t width) {
  std::vector<std::string> lines;
  for (const json& source : sources_json(map)) {
    const std::size_t first = lines.size();
    append_wrapped(summary(source), width, lines);
    lines[first].replace(0, 6, "source");
    append_wrapped(source.at("reason").is_null()
                       ? "the session does not say why it was chosen and what it cost"
                       : source.at("choice").get<std::string>() + ": " +
                             source.at("reason").get<std::string>(),
                   width, lines);
  }
  return lines;
}

std::string written_words(const heat::ObjectHeat& object) {
  constexpr double kGiga = 1e9;
  // Blocks differ from the object's size by what is behind its end.
  constexpr double kAll = 0.999;
  const double share = object.written_known_share();
  if (share <= 0) return "?";
  return (share < kAll ? ">=" : "") + digits(object.bytes_written_per_second() / kGiga);
}

}  // namespace terrace::report
