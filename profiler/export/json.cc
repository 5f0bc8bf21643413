// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "profiler/export/export.h"
#include "profiler/report/figure_json.h"
#include "profiler/report/words.h"

namespace terrace::exporting {
namespace {

using Json = nlohmann::ordered_json;
using report::printable;

Json tier_json(const Tier& tier) {
  return {{"name", printable(tier.name)},
          {"kind", name_of(tier.kind)},
          {"emulated", tier.emulated()},
          {"capacity_bytes", report::figure_json<Json>(tier.capacity)},
          {"read_bandwidth_gbps", report::figure_json<Json>(tier.read_bandwidth)},
          {"idle_latency_ns", report::figure_json<Json>(tier.idle_latency)}};
}

Json stretch_json(const heat::HeatStretch& stretch) {
  Json ranges = Json::array();
  for (const heat::HeatRange& range : stretch.ranges) {
    ranges.push_back({{"first_block", range.first_block},
                      {"blocks", range.blocks},
                      {"tier", range.tier},
                      {"bytes", range.bytes},
                      {"bytes_per_second", range.bytes_per_second}});
  }
  return {{"begin_seconds", stretch.begin_s},
          {"end_seconds", stretch.end_s},
          {"source", stretch.source},
          {"ranges", std::move(ranges)}};
}

Json object_json(const heat::ObjectTimeline& object) {
  Json frames = Json::array();
  for (const std::string& frame : object.frames) frames.push_back(printable(frame));
  Json stretches = Json::array();
  for (const heat::HeatStretch& stretch : object.stretches) {
    stretches.push_back(stretch_json(stretch));
  }
  const auto hash = static_cast<unsigned long long>(object.key.site_hash);
  return {{"object", object.object},
          {"site", report::format("%016llx", hash)},
          {"size_bytes", object.key.size_bytes},
          {"ordinal", object.key.ordinal},
          {"origin", report::name_of(object.key.origin)},
          {"label", printable(object.label)},
          {"path", printable(object.path)},
          {"frames", std::move(frames)},
          {"born_seconds", object.born_s},
          {"ended_seconds", object.ended_s},
          {"heat", std::move(stretches)}};
}

Json step_json(const heat::StepMark& step) {
  return {{"at_seconds", step.at_s},
          {"period_seconds", step.period_s},
          {"observations", step.observations}};
}

Json cost_json(const heat::CostStretch& cost) {
  return {{"begin_seconds", cost.begin_s},
          {"end_seconds", cost.end_s},
          {"recorder_cpu_share", cost.recorder_cpu_share},
          {"program_cpu_share", cost.program_cpu_share},
          {"link_wait_share", cost.link_wait_share},
          {"link_bytes_per_second", cost.link_bytes_per_second}};
}

Json look_json(const heat::LookStretch& look) {
  return {{"begin_seconds", look.begin_s},
          {"end_seconds", look.end_s},
          {"kind", look.kind},
          {"own_cpu_seconds", look.own_cpu_ms / 1e3},
          {"caused_cpu_seconds", look.caused_cpu_ms / 1e3}};
}

Json source_json(const heat::SourceFacts& source) {
  return {{"name", source.name},
          {"choice", source.choice},
          {"reason", printable(source.reason)},
          {"bytes_per_observation", source.per_observation.value},
          {"confidence", source.confidence},
          {"budget_share", source.budget_share},
          {"cpu_share", source.cpu_share()},
          {"own_cpu_share", source.own_cpu_share},
          {"caused_cpu_share", source.caused_cpu_share},
          {"window_seconds", source.window_seconds},
          {"period_seconds", source.period_seconds}};
}

template <typename Value, typename Convert>
Json array_of(const std::vector<Value>& values, Convert convert) {
  Json array = Json::array();
  for (const Value& value : values) array.push_back(convert(value));
  return array;
}

}  // namespace

std::string to_json(const heat::Timeline& timeline) {
  const Json document = {{"schema_version", kExportSchemaVersion},
                         {"kind", "session-export"},
                         {"machine_id", printable(timeline.machine_id)},
                         {"executable", printable(timeline.executable)},
                         {"emulated", timeline.emulated},
                         {"pid", timeline.pid},
                         {"start_realtime_ns", timeline.start_realtime_ns},
                         {"recorded_seconds", timeline.recorded_seconds},
                         {"block_bytes", kBlockBytes.value},
                         {"tiers", array_of(timeline.tiers, tier_json)},
                         {"steps", array_of(timeline.steps, step_json)},
                         {"costs", array_of(timeline.costs, cost_json)},
                         {"looks", array_of(timeline.looks, look_json)},
                         {"sources", array_of(timeline.sources, source_json)},
                         {"objects", array_of(timeline.objects, object_json)}};
  return document.dump(1) + "\n";
}

}  // namespace terrace::exporting
