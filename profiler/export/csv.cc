// SPDX-License-Identifier: Apache-2.0
#include <initializer_list>
#include <string_view>

#include "profiler/export/export.h"
#include "profiler/report/words.h"

namespace terrace::exporting {
namespace {

using report::format;

std::string seconds(double value) {
  return format("%.6f", value);
}

std::string number(double value) {
  return format("%.9g", value);
}

template <typename Value>
std::string known(const Figure<Value>& figure) {
  return figure.known() ? number(static_cast<double>(figure.value.value)) : "";
}

/// RFC 4180: quoted where a comma, a quote or a space at an end would be lost.
std::string quoted(std::string_view untrusted) {
  const std::string text = report::printable(untrusted);
  if (text.find_first_of(",\" ") == std::string::npos) return text;
  std::string out = "\"";
  for (const char c : text) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + "\"";
}

void row(std::string& out, std::initializer_list<std::string_view> cells) {
  std::string_view separator = "";
  for (const std::string_view cell : cells) {
    out += separator;
    out += cell;
    separator = ",";
  }
  out += "\r\n";
}

std::string tier_name(const heat::Timeline& timeline, std::size_t tier) {
  return tier < timeline.tiers.size() ? quoted(timeline.tiers[tier].name) : "";
}

std::string site(const ObjectKey& key) {
  return format("%016llx", static_cast<unsigned long long>(key.site_hash));
}

std::string heat_table(const heat::Timeline& timeline) {
  std::string out;
  row(out, {"begin_seconds", "end_seconds", "object", "site", "ordinal", "label", "tier",
            "first_block", "blocks", "bytes", "bytes_per_second", "source"});
  for (const heat::ObjectTimeline& object : timeline.objects) {
    const std::string id = std::to_string(object.object);
    const std::string ordinal = std::to_string(object.key.ordinal);
    const std::string label = quoted(object.label);
    for (const heat::HeatStretch& stretch : object.stretches) {
      const std::string begin = seconds(stretch.begin_s);
      const std::string end = seconds(stretch.end_s);
      for (const heat::HeatRange& range : stretch.ranges) {
        row(out, {begin, end, id, site(object.key), ordinal, label, tier_name(timeline, range.tier),
                  std::to_string(range.first_block), std::to_string(range.blocks),
                  number(range.bytes), number(range.bytes_per_second), stretch.source});
      }
    }
  }
  return out;
}

std::string objects_table(const heat::Timeline& timeline) {
  std::string out;
  row(out, {"object", "site", "ordinal", "origin", "size_bytes", "born_seconds", "ended_seconds",
            "label", "path", "frames"});
  for (const heat::ObjectTimeline& object : timeline.objects) {
    std::string frames;
    for (const std::string& frame : object.frames) frames += (frames.empty() ? "" : " < ") + frame;
    row(out, {std::to_string(object.object), site(object.key), std::to_string(object.key.ordinal),
              report::name_of(object.key.origin), std::to_string(object.key.size_bytes),
              seconds(object.born_s), seconds(object.ended_s), quoted(object.label),
              quoted(object.path), quoted(frames)});
  }
  return out;
}

std::string steps_table(const heat::Timeline& timeline) {
  std::string out;
  row(out, {"at_seconds", "period_seconds", "observations"});
  for (const heat::StepMark& step : timeline.steps) {
    row(out, {seconds(step.at_s), number(step.period_s), std::to_string(step.observations)});
  }
  return out;
}

std::string tiers_table(const heat::Timeline& timeline) {
  std::string out;
  row(out,
      {"tier", "kind", "emulated", "capacity_bytes", "read_bandwidth_gbps", "idle_latency_ns"});
  for (const Tier& tier : timeline.tiers) {
    row(out, {quoted(tier.name), name_of(tier.kind), tier.emulated() ? "true" : "false",
              tier.capacity.known() ? std::to_string(tier.capacity.value.value) : "",
              known(tier.read_bandwidth), known(tier.idle_latency)});
  }
  return out;
}

std::string costs_table(const heat::Timeline& timeline) {
  std::string out;
  row(out, {"begin_seconds", "end_seconds", "recorder_cpu_share", "program_cpu_share",
            "link_wait_share", "link_bytes_per_second"});
  for (const heat::CostStretch& cost : timeline.costs) {
    row(out, {seconds(cost.begin_s), seconds(cost.end_s), number(cost.recorder_cpu_share),
              number(cost.program_cpu_share), number(cost.link_wait_share),
              number(cost.link_bytes_per_second)});
  }
  return out;
}

}  // namespace

std::string to_csv(const heat::Timeline& timeline, Table table) {
  switch (table) {
    case Table::kHeat:
      return heat_table(timeline);
    case Table::kObjects:
      return objects_table(timeline);
    case Table::kSteps:
      return steps_table(timeline);
    case Table::kTiers:
      return tiers_table(timeline);
    case Table::kCosts:
      return costs_table(timeline);
  }
  return {};
}

}  // namespace terrace::exporting
