// SPDX-License-Identifier: Apache-2.0
// A session as it went: heat of each object and range for each stretch of time that was recorded,
// steps, and costs by difference. Used by export; the heat map (heat_map.h) is the same counts
// summed over the steady time. Thread-safe (values); allocates.
//
// Rates are those of object_heat.h, record by record and not smoothed: a single second of windows
// is a small sample, so neighbouring stretches differ by counting noise. A block lies on one tier
// in a stretch, and only the source that is right for it counts: link faults where it lay on an
// emulated link of which faults were recorded, present bits elsewhere.
#pragma once

#include <string>
#include <vector>

#include <terrace/tier.h>

#include "allocators/base/site_key.h"
#include "profiler/heat/source_facts.h"
#include "profiler/session/session_reader.h"

namespace terrace::heat {

/// Neighbouring blocks of one tier and one rate.
struct HeatRange {
  std::size_t first_block = 0;
  std::size_t blocks = 0;
  std::uint8_t tier = 0;  ///< index in Timeline::tiers
  double bytes_per_second_per_block = 0;
  double bytes = 0;             ///< length; the object's last block may be cut short
  double bytes_per_second = 0;  ///< of the whole range
};

struct HeatStretch {
  double begin_s = 0;  ///< seconds since the session's start
  double end_s = 0;
  const char* source = "";        ///< session::name_of
  std::vector<HeatRange> ranges;  ///< ascending; blocks that another source counts are left out
};

struct ObjectTimeline {
  std::uint64_t object = 0;  ///< ObjectRecord::object
  ObjectKey key;
  std::string label;
  std::string path;                 ///< for Origin::kFile
  std::vector<std::string> frames;  ///< innermost first
  double born_s = 0;
  double ended_s = 0;                  ///< the session's last time when it lived to the end
  std::vector<HeatStretch> stretches;  ///< in the order of the file
};

struct StepMark {
  double at_s = 0;
  double period_s = 0;
  std::uint32_t observations = 0;
};

/// Between two cost records.
struct CostStretch {
  double begin_s = 0;
  double end_s = 0;
  double recorder_cpu_share = 0;  ///< of one CPU
  double program_cpu_share = 0;   ///< 1: one busy thread
  double link_wait_share = 0;     ///< summed over threads
  double link_bytes_per_second = 0;
};

/// The recorder looked: what the program did meanwhile was disturbed.
struct LookStretch {
  double begin_s = 0;
  double end_s = 0;
  const char* kind = "";     ///< "windows" or "step"
  double own_cpu_ms = 0;     ///< CPU time of the recorder
  double caused_cpu_ms = 0;  ///< and of the program's threads because of it, by calibration
};

struct Timeline {
  std::string machine_id;
  std::string executable;
  bool emulated = false;
  std::uint32_t pid = 0;
  std::uint64_t start_realtime_ns = 0;
  double recorded_seconds = 0;
  std::vector<Tier> tiers;  ///< fastest first
  std::vector<ObjectTimeline> objects;
  std::vector<StepMark> steps;
  std::vector<CostStretch> costs;
  std::vector<LookStretch> looks;
  std::vector<SourceFacts> sources;
};

/// Every object is in it, also those that the heat map leaves out for their short life.
Timeline build_timeline(const session::Session& session);

}  // namespace terrace::heat
