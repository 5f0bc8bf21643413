// SPDX-License-Identifier: Apache-2.0
#include "profiler/report/page_json.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

#include "profiler/report/figure_json.h"
#include "profiler/report/named_parts.h"
#include "profiler/report/sources.h"
#include "profiler/report/totals.h"
#include "profiler/report/words.h"

namespace terrace::report {
namespace {

using nlohmann::json;

constexpr std::size_t kMostObjects = 3000;
constexpr std::size_t kMostFrames = 4;
constexpr std::size_t kMostSteps = 480;

/// Three significant digits, so that a cell takes few characters.
double short_number(double value) {
  if (!(std::fabs(value) > 0) || !std::isfinite(value)) return 0;
  const double scale = std::pow(10.0, 2 - std::floor(std::log10(std::fabs(value))));
  return std::round(value * scale) / scale;
}

json short_numbers(const std::vector<double>& values, double unit) {
  json list = json::array();
  for (const double value : values) list.push_back(short_number(value / unit));
  return list;
}

json tiers_json(const heat::HeatMap& map, const PageView& view) {
  json tiers = json::array();
  const std::vector<TierTotal> totals = totals_of(map);
  for (std::size_t i = 0; i < map.tiers.size(); ++i) {
    const Tier& tier = map.tiers[i];
    json curve = json::array();
    if (i < view.curves.size()) {
      for (const TierCurve::Point& point : view.curves[i].points) {
        curve.push_back({point.gbps, point.latency_ns, point.from});
      }
    }
    tiers.push_back({{"name", printable(tier.name)},
                     {"kind", name_of(tier.kind)},
                     {"emulated", tier.emulated()},
                     {"capacity_bytes", figure_json<json>(tier.capacity)},
                     {"gbps", figure_json<json>(tier.read_bandwidth)},
                     {"idle_latency_ns", figure_json<json>(tier.idle_latency)},
                     {"held_bytes", totals[i].bytes},
                     {"bytes_per_second", totals[i].bytes_per_second},
                     {"curve", curve}});
  }
  return tiers;
}

json grid_json(const HeatGrid& grid) {
  constexpr double kMega = 1e6;
  json rows = json::array();
  for (const GridRow& row : grid.rows) {
    json cells = json::array();
    for (const double value : row.bytes_per_second) {
      cells.push_back(value < 0 ? json() : json(short_number(value / kMega)));
    }
    rows.push_back({{"object", row.object},
                    {"label", row.label},
                    {"bytes", row.bytes},
                    {"tier_bytes", row.tier_bytes},
                    {"mb_per_second", cells}});
  }
  return {{"columns", grid.columns},
          {"seconds", grid.seconds},
          {"objects_left_out", grid.objects_left_out},
          {"rows", rows}};
}

json history_json(const PlacementHistory& history) {
  constexpr double kMega = 1e6;
  json occupancy = json::array();
  for (const OccupancySeries& series : history.occupancy) {
    occupancy.push_back({{"tier", series.tier},
                         {"class", series.memory_class},
                         {"mb", short_numbers(series.bytes, kMega)}});
  }
  json moves = json::array();
  for (const MoveSeries& series : history.moves) {
    moves.push_back({{"from", series.from},
                     {"to", series.to},
                     {"bytes", series.bytes},
                     {"one_way_mb", short_numbers(series.one_way, kMega)},
                     {"back_and_forth_mb", short_numbers(series.back_and_forth, kMega)}});
  }
  return {{"columns", history.columns},
          {"seconds", history.seconds},
          {"occupancy", occupancy},
          {"moves", moves}};
}

/// Evenly thinned: a long session has more marks than the page has pixels.
json steps_json(const heat::Timeline& timeline) {
  json steps = json::array();
  const std::size_t stride = timeline.steps.size() / kMostSteps + 1;
  for (std::size_t i = 0; i < timeline.steps.size(); i += stride) {
    const heat::StepMark& step = timeline.steps[i];
    steps.push_back({short_number(step.at_s * 1e3) / 1e3, short_number(step.period_s * 1e3)});
  }
  return steps;
}

using KeyOrder = std::tuple<std::uint64_t, std::uint64_t, std::uint32_t, int>;

KeyOrder order_of(const ObjectKey& key) {
  return {key.site_hash, key.size_bytes, key.ordinal, static_cast<int>(key.origin)};
}

class ObjectsJson {
 public:
  ObjectsJson(const heat::HeatMap& map, const PageView& view) : map_(map) {
    double bytes = 0;
    for (const TierTotal& total : totals_of(map))
      bytes += total.bytes_per_second * map.step_seconds;
    if (bytes > 0) engine_seconds_per_byte_ = view.compute_seconds / bytes;
    for (const PlannedPlace& place : view.places) planned_[order_of(place.key)] = &place;
    if (view.after == nullptr) return;
    for (const heat::ObjectHeat& object : view.after->objects) {
      after_[order_of(object.key)] = read_seconds(*view.after, bytes_per_step(*view.after, object));
    }
  }

  json make() const {
    json objects = json::array();
    for (std::size_t i = 0; i < std::min(kMostObjects, map_.objects.size()); ++i) {
      objects.push_back(object(map_.objects[i]));
    }
    return objects;
  }

 private:
  static std::vector<double> bytes_per_step(const heat::HeatMap& map,
                                            const heat::ObjectHeat& object) {
    std::vector<double> bytes;
    for (const TierTotal& total : totals_of(map, object)) {
      bytes.push_back(total.bytes_per_second * map.step_seconds);
    }
    return bytes;
  }

  /// Its part of a step by the model of docs/model.md: the longest of the engine's own work and of
  /// each tier's reads, which overlap. Negative: unknown.
  double read_seconds(const heat::HeatMap& map, const std::vector<double>& bytes) const {
    if (map.step_seconds <= 0) return -1;
    double all = 0;
    double longest = 0;
    for (std::size_t i = 0; i < std::min(bytes.size(), map_.tiers.size()); ++i) {
      if (bytes[i] <= 0) continue;
      if (!map_.tiers[i].read_bandwidth.known()) return -1;
      all += bytes[i];
      longest = std::max(longest, bytes[i] / (map_.tiers[i].read_bandwidth.value.value * 1e9));
    }
    return std::max(longest, all * engine_seconds_per_byte_);
  }

  json object(const heat::ObjectHeat& object) const {
    json now = json::array();
    const auto size = static_cast<double>(object.key.size_bytes);
    for (const TierTotal& total : totals_of(map_, object)) {
      now.push_back(size > 0 ? short_number(total.bytes / size) : 0);
    }
    const double rate = object.bytes_per_second();
    json made = {{"label", printable(object.label)},
                 {"class", class_word(object)},
                 {"site", site_of(object)},
                 {"size", object.key.size_bytes},
                 {"bytes_per_second", short_number(rate)},
                 {"written_per_second", object.written_known_share() > 0
                                            ? json(short_number(object.bytes_written_per_second()))
                                            : json()},
                 {"written_known", short_number(object.written_known_share())},
                 {"source", object.source},
                 {"error", short_number(object.relative_error)},
                 {"now", now}};
    add_gains(object, made);
    return made;
  }

  void add_gains(const heat::ObjectHeat& object, json& made) const {
    const double before = read_seconds(map_, bytes_per_step(map_, object));
    const auto place = planned_.find(order_of(object.key));
    if (place != planned_.end()) {
      made["plan"] = short_numbers(place->second->shares, 1);
      const double then = read_seconds(map_, place->second->tier_bytes_per_step);
      if (before >= 0 && then >= 0) made["predicted_ms"] = gain_ms(before, then);
    }
    const auto after = after_.find(order_of(object.key));
    if (after != after_.end() && before >= 0 && after->second >= 0) {
      made["measured_ms"] = gain_ms(before, after->second);
    }
  }

  /// Below a nanosecond it is rounding.
  static double gain_ms(double before_s, double after_s) {
    constexpr double kLeast = 1e-9;
    const double saved_s = before_s - after_s;
    return std::fabs(saved_s) < kLeast ? 0 : short_number(saved_s * 1e3);
  }

  static std::string site_of(const heat::ObjectHeat& object) {
    if (!object.path.empty()) return printable(object.path);
    std::string site;
    for (std::size_t i = 0; i < std::min(kMostFrames, object.frames.size()); ++i) {
      site += (i == 0 ? "" : " < ") + printable(object.frames[i]);
    }
    if (!site.empty()) return site;
    return format("%016llx", static_cast<unsigned long long>(object.key.site_hash));
  }

  const heat::HeatMap& map_;
  double engine_seconds_per_byte_ = 0;
  std::map<KeyOrder, const PlannedPlace*> planned_;
  std::map<KeyOrder, double> after_;
};

json plan_json(const heat::HeatMap& map, const PageView& view) {
  std::vector<double> planned_bytes(map.tiers.size(), 0.0);
  for (const PlannedPlace& place : view.places) {
    const std::size_t tiers = std::min(planned_bytes.size(), place.tier_bytes_per_step.size());
    for (std::size_t i = 0; i < tiers; ++i) planned_bytes[i] += place.tier_bytes_per_step[i];
  }
  json capacity = json::array();
  for (const CapacityPoint& point : view.capacity) {
    capacity.push_back({point.fast_bytes, point.static_seconds, point.planned_seconds});
  }
  return {{"from", printable(view.plan_from)},
          {"why_none", printable(view.why_no_plan)},
          {"planned_seconds", view.planned_seconds},
          {"compute_seconds", view.compute_seconds},
          {"tier_bytes_per_step", planned_bytes},
          {"notes", view.notes},
          {"measured_seconds", view.after == nullptr ? json() : json(view.after->step_seconds)},
          {"capacity", capacity},
          {"why_no_capacity", printable(view.why_no_capacity)}};
}

}  // namespace

json page_json(const heat::HeatMap& map, const heat::Timeline& timeline,
               const PlacementHistory& history, const PageView& view) {
  const std::string warning = nothing_observed(map);
  return {{"schema_version", kPageSchemaVersion},
          {"session", printable(view.session_path)},
          {"machine_id", printable(map.machine_id)},
          {"executable", printable(map.executable)},
          {"emulated", map.emulated},
          {"recorded_seconds", map.recorded_seconds},
          {"steady", steady_json(map)},
          {"step", {{"seconds", map.step_seconds}, {"source", map.step_source}}},
          {"link_wait_share", map.link_wait_share},
          {"recorder_cpu_share", map.recorder_cpu_share},
          {"sources", sources_json(map)},
          {"nothing_observed", warning.empty() ? json() : json(warning)},
          {"tiers", tiers_json(map, view)},
          {"steps", steps_json(timeline)},
          {"grid", grid_json(make_heat_grid(map, timeline, {}))},
          {"history", history_json(history)},
          {"objects", ObjectsJson(map, view).make()},
          {"objects_in_all", map.objects.size()},
          {"plan", plan_json(map, view)}};
}

}  // namespace terrace::report
