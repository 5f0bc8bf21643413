// SPDX-License-Identifier: Apache-2.0
#include "profiler/heat/timeline.h"

#include <algorithm>

#include "profiler/heat/blocks.h"
#include "profiler/heat/label.h"
#include "profiler/heat/recorded_facts.h"
#include "profiler/heat/steady.h"
#include "profiler/session/source_name.h"

namespace terrace::heat {
namespace {

using session::SourceKind;

/// Where the object lay when its nth sample was taken.
const std::vector<std::uint8_t>& tiers_at(const session::Object& object, std::size_t sample) {
  for (const session::EarlierPlacement& earlier : object.earlier) {
    if (sample < earlier.heat_samples) return earlier.block_tiers;
  }
  return object.block_tiers;
}

class StretchBuilder {
 public:
  StretchBuilder(const session::Session& session, const session::Object& object)
      : session_(session), object_(object) {
    const auto has = [&](SourceKind source) {
      return std::any_of(object.heat.begin(), object.heat.end(), [&](const auto& sample) {
        return sample.record.source == static_cast<std::uint32_t>(source);
      });
    };
    has_faults_ = has(SourceKind::kLinkFaults);
    has_windows_ = has(SourceKind::kPresentBits);
  }

  HeatStretch build(std::size_t index, const char* source) const {
    const session::HeatSample& sample = object_.heat[index];
    const std::vector<std::uint8_t>& tiers = tiers_at(object_, index);
    HeatStretch stretch{since_start(session_, sample.record.begin_ns),
                        since_start(session_, sample.record.end_ns),
                        source,
                        {}};
    for (std::size_t block = 0; block < tiers.size(); ++block) {
      if (!counts(sample.record, tiers[block])) continue;
      append(stretch.ranges, block, tiers[block], rate_of(sample, block));
    }
    return stretch;
  }

 private:
  // A block that was given back lies nowhere and has no heat.
  bool counts(const session::HeatRecord& record, std::uint8_t tier) const {
    if (tier >= session_.tiers.size()) return false;
    const bool by_faults = has_faults_ && is_emulated_link(session_, tier);
    switch (static_cast<SourceKind>(record.source)) {
      case SourceKind::kLinkFaults:
        return by_faults;
      case SourceKind::kReferencedBits:
        return true;
      case SourceKind::kWriteTracking:
        return !by_faults && !has_windows_;
      case SourceKind::kHintedWrites:  // a part of the hints
        return false;
      default:
        return !by_faults;
    }
  }

  double rate_of(const session::HeatSample& sample, std::size_t block) const {
    const double seconds = static_cast<double>(sample.record.observed_ns) * 1e-9;
    const double bytes = bytes_of_block(object_, block);
    const auto source = static_cast<SourceKind>(sample.record.source);
    if (source != SourceKind::kReferencedBits) {
      return sample.touches[block] * bytes_of_count(session_, object_, source, block) / seconds;
    }
    const auto size = static_cast<double>(object_.record.size_bytes);
    return sample.touches[0] * kReferencedPageBytes * (bytes / size) / seconds;
  }

  void append(std::vector<HeatRange>& ranges, std::size_t block, std::uint8_t tier,
              double rate) const {
    const double bytes = bytes_of_block(object_, block);
    if (!ranges.empty()) {
      HeatRange& last = ranges.back();
      if (last.first_block + last.blocks == block && last.tier == tier &&
          last.bytes_per_second_per_block == rate) {
        ++last.blocks;
        last.bytes += bytes;
        last.bytes_per_second += rate;
        return;
      }
    }
    ranges.push_back({block, 1, tier, rate, bytes, rate});
  }

  const session::Session& session_;
  const session::Object& object_;
  bool has_faults_ = false;
  bool has_windows_ = false;  ///< of reads and writes: writes alone would count twice
};

ObjectTimeline timeline_of(const session::Session& session, const session::Object& object,
                           Labeller& labeller) {
  ObjectTimeline made;
  made.object = object.record.object;
  made.key = {object.record.site_hash, object.record.size_bytes, object.record.ordinal,
              static_cast<Origin>(object.record.origin)};
  made.label = labeller.label(object);
  made.path = object.path;
  for (const session::Frame& frame : object.frames) made.frames.push_back(labeller.name(frame));
  made.born_s = since_start(session, object.record.born_ns);
  const std::uint64_t ended = object.ended_ns == 0 ? session.last_ns : object.ended_ns;
  made.ended_s = std::max(made.born_s, since_start(session, ended));
  const StretchBuilder builder(session, object);
  for (std::size_t i = 0; i < object.heat.size(); ++i) {
    const session::HeatRecord& record = object.heat[i].record;
    const char* source = session::name_of(static_cast<SourceKind>(record.source));
    // Nothing can be said of a source from a later version, or of a time of no length.
    if (source == nullptr || record.observed_ns == 0) continue;
    HeatStretch stretch = builder.build(i, source);
    if (!stretch.ranges.empty()) made.stretches.push_back(std::move(stretch));
  }
  return made;
}

// Totals of unsigned counters that a damaged file may let run backwards.
double per_second(std::uint64_t before, std::uint64_t after, double seconds) {
  return after > before ? static_cast<double>(after - before) / seconds : 0;
}

std::vector<CostStretch> costs_of(const session::Session& session) {
  std::vector<CostStretch> costs;
  for (std::size_t i = 1; i < session.costs.size(); ++i) {
    const session::CostRecord& before = session.costs[i - 1];
    const session::CostRecord& after = session.costs[i];
    CostStretch cost;
    cost.begin_s = since_start(session, before.at_ns);
    cost.end_s = since_start(session, after.at_ns);
    const double seconds = cost.end_s - cost.begin_s;
    if (seconds <= 0) continue;
    cost.recorder_cpu_share = per_second(before.cpu_ns, after.cpu_ns, seconds) * 1e-9;
    cost.program_cpu_share =
        per_second(before.program_cpu_ns, after.program_cpu_ns, seconds) * 1e-9;
    cost.link_wait_share = per_second(before.link_wait_ns, after.link_wait_ns, seconds) * 1e-9;
    cost.link_bytes_per_second = per_second(before.link_bytes, after.link_bytes, seconds);
    costs.push_back(cost);
  }
  return costs;
}

std::vector<LookStretch> looks_of(const session::Session& session) {
  std::vector<LookStretch> looks;
  for (const session::LookRecord& record : session.looks) {
    const char* const kind = session::name_of(static_cast<session::LookKind>(record.kind));
    // One of a later version, or damaged.
    if (kind == nullptr || record.end_ns < record.begin_ns) continue;
    looks.push_back({since_start(session, record.begin_ns), since_start(session, record.end_ns),
                     kind, record.own_cpu_us * 1e-3, record.caused_cpu_us * 1e-3});
  }
  return looks;
}

}  // namespace

Timeline build_timeline(const session::Session& session) {
  Timeline timeline;
  const session::FileHeader& header = session.header;
  timeline.machine_id = text_of(header.machine_id, sizeof header.machine_id);
  timeline.executable = session.executable;
  timeline.emulated = is_emulated(session);
  timeline.pid = header.pid;
  timeline.start_realtime_ns = header.start_realtime_ns;
  timeline.recorded_seconds = since_start(session, session.last_ns);
  timeline.tiers = tiers_of(session);
  Labeller labeller;
  for (const session::Object& object : session.objects) {
    timeline.objects.push_back(timeline_of(session, object, labeller));
  }
  for (const session::StepRecord& step : session.steps) {
    if (step.period_ns == 0 || step.observations == 0) continue;
    timeline.steps.push_back({since_start(session, step.at_ns),
                              static_cast<double>(step.period_ns) * 1e-9, step.observations});
  }
  timeline.costs = costs_of(session);
  timeline.looks = looks_of(session);
  timeline.sources = sources_of(session);
  return timeline;
}

}  // namespace terrace::heat
