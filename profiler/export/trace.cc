// SPDX-License-Identifier: Apache-2.0
// Trace Event Format:
// https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU
#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "profiler/export/export.h"
#include "profiler/report/words.h"

namespace terrace::exporting {
namespace {

using Json = nlohmann::ordered_json;
using report::printable;

constexpr double kMicroseconds = 1e6;

/// A sum of rates that each hold for a stretch of time, as the values at which it changes.
class RateSum {
 public:
  void add(double begin_s, double end_s, double rate) {
    if (end_s <= begin_s) return;
    Change& begin = changes_[begin_s];
    begin.rate += rate;
    ++begin.open;
    Change& end = changes_[end_s];
    end.rate -= rate;
    --end.open;
  }

  template <typename Visit>
  void for_each_value(Visit visit) const {
    double rate = 0;
    long open = 0;
    for (const auto& [at_s, change] : changes_) {
      open += change.open;
      // Sums of differences leave a remainder behind where nothing is left.
      rate = open == 0 ? 0 : std::max(0.0, rate + change.rate);
      visit(at_s, rate);
    }
  }

 private:
  struct Change {
    double rate = 0;
    long open = 0;
  };
  std::map<double, Change> changes_;
};

class Trace {
 public:
  explicit Trace(const heat::Timeline& timeline)
      : timeline_(timeline), pid_(std::max(timeline.pid, 1u)) {}

  std::string write() {
    text_ = "{\"displayTimeUnit\":\"ms\",\"otherData\":" + about().dump() + ",\n\"traceEvents\":[";
    name_process();
    tier_counters();
    object_counters();
    steps();
    looks();
    costs();
    return text_ + "\n]}\n";
  }

 private:
  Json about() const {
    Json about = {{"producer", "terrace export"},
                  {"machine", printable(timeline_.machine_id)},
                  {"executable", printable(timeline_.executable)},
                  {"emulated", timeline_.emulated ? "true" : "false"},
                  {"start_realtime_ns", std::to_string(timeline_.start_realtime_ns)}};
    return about;
  }

  void event(const Json& fields) {
    text_ += (first_ ? "\n" : ",\n") + fields.dump();
    first_ = false;
  }

  void name_process() {
    std::string name = printable(timeline_.executable);
    if (timeline_.emulated) name += " (emulated tiers)";
    event({{"ph", "M"},
           {"name", "process_name"},
           {"pid", pid_},
           {"tid", pid_},
           {"args", {{"name", name}}}});
  }

  void counter(const std::string& name, const char* series, double at_s, double value) {
    event({{"ph", "C"},
           {"name", name},
           {"pid", pid_},
           {"ts", at_s * kMicroseconds},
           {"args", {{series, value}}}});
  }

  void counters(const std::string& name, const RateSum& sum) {
    sum.for_each_value(
        [&](double at_s, double rate) { counter(name, "bytes per second", at_s, rate); });
  }

  void tier_counters() {
    std::vector<RateSum> sums(timeline_.tiers.size());
    for (const heat::ObjectTimeline& object : timeline_.objects) {
      for (const heat::HeatStretch& stretch : object.stretches) {
        for (const heat::HeatRange& range : stretch.ranges) {
          sums[range.tier].add(stretch.begin_s, stretch.end_s, range.bytes_per_second);
        }
      }
    }
    for (std::size_t i = 0; i < sums.size(); ++i) {
      const Tier& tier = timeline_.tiers[i];
      counters("tier " + printable(tier.name) + (tier.emulated() ? " (emulated)" : ""), sums[i]);
    }
  }

  void object_counters() {
    for (const heat::ObjectTimeline& object : timeline_.objects) {
      // Tracks of one name would be one track.
      const std::string name =
          report::format("object %llu: ", static_cast<unsigned long long>(object.object)) +
          printable(object.label);
      RateSum sum;
      for (const heat::HeatStretch& stretch : object.stretches) {
        double rate = 0;
        for (const heat::HeatRange& range : stretch.ranges) rate += range.bytes_per_second;
        sum.add(stretch.begin_s, stretch.end_s, rate);
      }
      counters(name, sum);
      life(object, name);
    }
  }

  void life(const heat::ObjectTimeline& object, const std::string& name) {
    Json begin = {{"ph", "b"},
                  {"cat", "object"},
                  {"name", name},
                  {"id", std::to_string(object.object)},
                  {"pid", pid_},
                  {"tid", pid_},
                  {"ts", object.born_s * kMicroseconds},
                  {"args",
                   {{"size_bytes", object.key.size_bytes},
                    {"origin", report::name_of(object.key.origin)},
                    {"path", printable(object.path)}}}};
    event(begin);
    begin["ph"] = "e";
    begin["ts"] = object.ended_s * kMicroseconds;
    begin.erase("args");
    event(begin);
  }

  void steps() {
    for (const heat::StepMark& step : timeline_.steps) {
      event({{"ph", "i"},
             {"cat", "step"},
             {"name", "step measured"},
             {"s", "p"},
             {"pid", pid_},
             {"tid", pid_},
             {"ts", step.at_s * kMicroseconds},
             {"args", {{"period_seconds", step.period_s}, {"observations", step.observations}}}});
      counter("step", "ms", step.at_s, step.period_s * 1e3);
    }
  }

  /// On a track of their own: what the program did meanwhile was disturbed.
  void looks() {
    for (const heat::LookStretch& look : timeline_.looks) {
      event({{"ph", "X"},
             {"cat", "recorder"},
             {"name", std::string("recorder looks: ") + look.kind},
             {"pid", pid_},
             {"tid", pid_ + 1},
             {"ts", look.begin_s * kMicroseconds},
             {"dur", (look.end_s - look.begin_s) * kMicroseconds},
             {"args",
              {{"own_cpu_seconds", look.own_cpu_ms / 1e3},
               {"caused_cpu_seconds", look.caused_cpu_ms / 1e3}}}});
    }
  }

  void costs() {
    for (const heat::CostStretch& cost : timeline_.costs) {
      counter("recorder CPU", "share", cost.begin_s, cost.recorder_cpu_share);
      counter("program CPU", "share", cost.begin_s, cost.program_cpu_share);
      counter("link wait", "share", cost.begin_s, cost.link_wait_share);
    }
  }

  const heat::Timeline& timeline_;
  const unsigned pid_;
  std::string text_;
  bool first_ = true;
};

}  // namespace

std::string to_trace(const heat::Timeline& timeline) {
  return Trace(timeline).write();
}

}  // namespace terrace::exporting
