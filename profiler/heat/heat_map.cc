// SPDX-License-Identifier: Apache-2.0
#include "profiler/heat/heat_map.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

#include "allocators/base/count_of.h"
#include "profiler/heat/label.h"
#include "profiler/heat/named_heat.h"
#include "profiler/heat/object_heat.h"
#include "profiler/heat/recorded_facts.h"
#include "profiler/heat/steady.h"

namespace terrace::heat {
namespace {

struct Life {
  double session_share = 0;
  double steady_share = 0;
};

Life life_of(const session::Session& session, const session::Object& object, const Steady& steady) {
  const double whole = since_start(session, session.last_ns);
  const double born = since_start(session, object.record.born_ns);
  const double ended =
      object.ended_ns == 0 ? whole : std::max(born, since_start(session, object.ended_ns));
  const double steady_s = steady.seconds();
  return {whole > 0 ? (ended - born) / whole : 0,
          steady_s > 0 ? steady.seconds_within(born, ended) / steady_s : 0};
}

ObjectHeat heat_of(const session::Session& session, const session::Object& object,
                   const Steady& steady, const Life& life, Labeller& labeller) {
  ObjectHeat heat;
  heat.object = object.record.object;
  heat.key = {object.record.site_hash, object.record.size_bytes, object.record.ordinal,
              static_cast<Origin>(object.record.origin)};
  heat.base_address = object.record.base_address;
  heat.path = object.path;
  heat.lifetime_share = life.session_share;
  measure_blocks(session, object, steady, heat);
  for (const session::Frame& frame : object.frames) heat.frames.push_back(labeller.name(frame));
  heat.label = labeller.label(object);
  heat.names = heat_by_name(object.names, heat, session.tiers.size());
  return heat;
}

// A dense object is read whole in each step, so its blocks' common rate of passes is the step's.
std::optional<double> period_of_dense_blocks(const std::vector<ObjectHeat>& objects) {
  constexpr double kSameRate = 0.25;
  const ObjectHeat* largest = nullptr;
  for (const ObjectHeat& object : objects) {
    if (object.bytes_per_second() <= 0) continue;
    if (largest == nullptr || object.key.size_bytes > largest->key.size_bytes) largest = &object;
  }
  if (largest == nullptr || largest->source == "referenced-bits") return std::nullopt;
  // The last block may be cut short; the others tell.
  std::vector<double> rates = largest->block_bytes_per_second;
  if (rates.size() > 1) rates.pop_back();
  std::nth_element(rates.begin(), rates.begin() + static_cast<std::ptrdiff_t>(rates.size() / 2),
                   rates.end());
  const double median = rates[rates.size() / 2];
  const auto alike = std::count_if(rates.begin(), rates.end(), [median](double rate) {
    return std::fabs(rate - median) <= kSameRate * median;
  });
  if (median <= 0 || static_cast<std::size_t>(alike) * 2 <= rates.size()) return std::nullopt;
  const auto bytes = static_cast<double>(std::min(largest->key.size_bytes, kBlockBytes.value));
  return bytes / median;
}

void find_step(const Steady& steady, HeatMap& map) {
  if (steady.step_seconds > 0) {
    map.step_seconds = steady.step_seconds;
    map.step_source = steady.told ? "the engine" : "watched block";
  } else if (const std::optional<double> period = period_of_dense_blocks(map.objects)) {
    map.step_seconds = *period;
    map.step_source = "block touch rate";
  } else {
    map.step_source = "none";
  }
}

// No touch in a short look is no proof of cold: what is read once a step is missed by windows of
// three steps together with a chance of e^-3, by shorter ones more often.
void doubt_short_looks(HeatMap& map) {
  constexpr double kStepsWatched = 3;
  if (map.step_seconds <= 0) return;
  for (ObjectHeat& object : map.objects) {
    if (object.source != "present-bits" || object.bytes_per_second() > 0) continue;
    if (object.watched_seconds < kStepsWatched * map.step_seconds) object.source = "none";
  }
}

void describe_session(const session::Session& session, HeatMap& map) {
  map.machine_id = text_of(session.header.machine_id, sizeof session.header.machine_id);
  map.executable = session.executable;
  map.pid = session.header.pid;
  map.parent_pid = session.parent_pid;
  map.host = session.host;
  map.emulated = is_emulated(session);
  map.tiers = tiers_of(session);
  map.start_realtime_ns = session.header.start_realtime_ns;
  map.recorded_seconds = since_start(session, session.last_ns);
}

// Both shares are of the steady time: a load waits for links as well, and is no step.
void describe_cost(const session::Session& session, const Steady& steady, HeatMap& map) {
  double wall_s = 0;
  double waited_s = 0;
  double recorder_s = 0;
  double program_s = 0;
  for (std::size_t i = 1; i < session.costs.size(); ++i) {
    const session::CostRecord& before = session.costs[i - 1];
    const session::CostRecord& after = session.costs[i];
    const double begin_s = since_start(session, before.at_ns);
    const double end_s = since_start(session, after.at_ns);
    if (end_s <= begin_s || !steady.holds((begin_s + end_s) / 2)) continue;
    if (after.link_wait_ns < before.link_wait_ns || after.cpu_ns < before.cpu_ns) continue;
    wall_s += end_s - begin_s;
    waited_s += static_cast<double>(after.link_wait_ns - before.link_wait_ns) / 1e9;
    recorder_s += static_cast<double>(after.cpu_ns - before.cpu_ns) / 1e9;
    if (after.program_cpu_ns > before.program_cpu_ns) {
      program_s += static_cast<double>(after.program_cpu_ns - before.program_cpu_ns) / 1e9;
    }
  }
  if (wall_s <= 0) return;
  map.link_wait_share = waited_s / wall_s;
  map.recorder_cpu_share = recorder_s / wall_s;
  map.program_cpu_share = program_s / wall_s;
}

}  // namespace

double ObjectHeat::bytes_per_second() const {
  return std::accumulate(block_bytes_per_second.begin(), block_bytes_per_second.end(), 0.0);
}

double ObjectHeat::bytes_written_per_second() const {
  return std::accumulate(block_bytes_written_per_second.begin(),
                         block_bytes_written_per_second.end(), 0.0);
}

double ObjectHeat::written_known_share() const {
  const auto size = static_cast<double>(key.size_bytes);
  return size > 0 ? std::min(1.0, written_known_bytes / size) : 0;
}

Result<HeatMap> build_heat_map(const session::Session& session, double min_lifetime_share) {
  if (session.objects.empty()) {
    return make_error(
        ErrorCode::kUsage, 0,
        "the session holds no object: in %.3g s no allocation of the threshold's size was "
        "placed; record longer work, or lower the threshold and record again",
        since_start(session, session.last_ns));
  }
  const bool observed = std::any_of(session.objects.begin(), session.objects.end(),
                                    [](const auto& object) { return !object.heat.empty(); });
  if (!observed) {
    return make_error(ErrorCode::kUsage, 0,
                      "the session holds %s but no observation: the program ended too "
                      "soon; record for some seconds of work, or with --budget 0%%",
                      count_of(session.objects.size(), "object").c_str());
  }
  HeatMap map;
  describe_session(session, map);
  const Steady steady = find_steady(session);
  map.steady = steady.spans;
  describe_cost(session, steady, map);
  map.sources = sources_of(session);
  Labeller labeller;
  for (const session::Object& object : session.objects) {
    const Life life = life_of(session, object, steady);
    // What was allocated after a long load lives a small part of the session, yet all of its work.
    if (std::max(life.session_share, life.steady_share) < min_lifetime_share) continue;
    map.objects.push_back(heat_of(session, object, steady, life, labeller));
  }
  find_step(steady, map);
  doubt_short_looks(map);
  std::stable_sort(map.objects.begin(), map.objects.end(),
                   [](const ObjectHeat& a, const ObjectHeat& b) {
                     return a.bytes_per_second() > b.bytes_per_second();
                   });
  return map;
}

}  // namespace terrace::heat
