// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "profiler/report/figure_json.h"
#include "profiler/report/names.h"
#include "profiler/report/report.h"
#include "profiler/report/sources.h"
#include "profiler/report/totals.h"
#include "profiler/report/words.h"

namespace terrace::report {
namespace {

using nlohmann::json;

json tier_json(const Tier& tier, const TierTotal& total) {
  return {{"name", printable(tier.name)},
          {"kind", name_of(tier.kind)},
          {"emulated", tier.emulated()},
          {"capacity_bytes", figure_json<json>(tier.capacity)},
          {"read_bandwidth_gbps", figure_json<json>(tier.read_bandwidth)},
          {"idle_latency_ns", figure_json<json>(tier.idle_latency)},
          {"object_bytes", total.bytes},
          {"bytes_per_second", total.bytes_per_second}};
}

json ranges_json(const heat::ObjectHeat& object) {
  json ranges = json::array();
  const auto tier_at = [&](std::size_t block) {
    return block < object.block_tiers.size() ? object.block_tiers[block] : 0;
  };
  const std::vector<double>& heat = object.block_bytes_per_second;
  for (std::size_t first = 0; first < heat.size();) {
    std::size_t end = first + 1;
    while (end < heat.size() && heat[end] == heat[first] && tier_at(end) == tier_at(first)) ++end;
    ranges.push_back({{"first_block", first},
                      {"blocks", end - first},
                      {"tier", tier_at(first)},
                      {"bytes_per_second_per_block", heat[first]}});
    first = end;
  }
  return ranges;
}

json object_json(const heat::HeatMap& map, const heat::ObjectHeat& object) {
  json frames = json::array();
  for (const std::string& frame : object.frames) frames.push_back(printable(frame));
  json tiers = json::array();
  for (const TierTotal& total : totals_of(map, object)) tiers.push_back(total.bytes);
  const double rate = object.bytes_per_second();
  return {{"site", format("%016llx", static_cast<unsigned long long>(object.key.site_hash))},
          {"size_bytes", object.key.size_bytes},
          {"ordinal", object.key.ordinal},
          {"origin", name_of(object.key.origin)},
          {"label", printable(object.label)},
          {"path", printable(object.path)},
          {"frames", frames},
          {"lifetime_share", object.lifetime_share},
          {"bytes_per_second", rate},
          {"bytes_per_step", map.step_seconds > 0 ? json(rate * map.step_seconds) : json()},
          {"bytes_written_per_second",
           object.written_known_share() > 0 ? json(object.bytes_written_per_second()) : json()},
          {"written_known_share", object.written_known_share()},
          {"source", object.source},
          {"relative_error", object.relative_error},
          {"tier_bytes", tiers},
          {"ranges", ranges_json(object)}};
}

}  // namespace

json to_json(const heat::HeatMap& map) {
  json tiers = json::array();
  const std::vector<TierTotal> totals = totals_of(map);
  for (std::size_t i = 0; i < map.tiers.size(); ++i) {
    tiers.push_back(tier_json(map.tiers[i], totals[i]));
  }
  const std::string warning = nothing_observed(map);
  json objects = json::array();
  for (const heat::ObjectHeat& object : map.objects) objects.push_back(object_json(map, object));
  return {{"schema_version", kReportSchemaVersion},
          {"machine_id", printable(map.machine_id)},
          {"executable", printable(map.executable)},
          {"process",
           {{"pid", map.pid},
            {"parent_pid", map.parent_pid != 0 ? json(map.parent_pid) : json()},
            {"executable", printable(map.executable)},
            {"host", printable(map.host)}}},
          {"emulated", map.emulated},
          {"start_realtime_ns", map.start_realtime_ns},
          {"recorded_seconds", map.recorded_seconds},
          {"steady", steady_json(map)},
          {"step",
           {{"seconds", map.step_seconds > 0 ? json(map.step_seconds) : json()},
            {"source", map.step_source}}},
          {"link_wait_share", map.link_wait_share},
          {"recorder_cpu_share", map.recorder_cpu_share},
          {"sources", sources_json(map)},
          {"nothing_observed", warning.empty() ? json() : json(warning)},
          {"block_bytes", kBlockBytes.value},
          {"tiers", tiers},
          {"objects", objects},
          {"tensors", tensors_json(map)},
          {"classes", classes_json(map)}};
}

}  // namespace terrace::report
