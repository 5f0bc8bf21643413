// SPDX-License-Identifier: Apache-2.0
// Heat: bytes read and written per second and per step, of each 2 MiB block of each object. Made
// from a session, used by report and planner. Thread-safe (values); allocates.
#pragma once

#include <string>
#include <vector>

#include <terrace/result.h>
#include <terrace/tier.h>

#include "allocators/base/site_key.h"
#include "profiler/heat/source_facts.h"
#include "profiler/heat/steady.h"
#include "profiler/session/session_reader.h"

namespace terrace::heat {

/// A named part of an object, a tensor say, with its heat (named_heat.h).
struct NamedHeat {
  session::NamedRange range;
  double bytes_per_second = 0;
  double relative_error = 0;       ///< one standard error; 0: exact, or nothing was read
  std::vector<double> tier_bytes;  ///< of its size, by tier
};

struct ObjectHeat {
  std::uint64_t object = 0;  ///< ObjectRecord::object of the session
  ObjectKey key;
  std::uint64_t base_address = 0;   ///< in the recorded process
  std::string label;                ///< short name for people: file, or innermost known symbols
  std::string path;                 ///< for Origin::kFile
  std::vector<std::string> frames;  ///< "module+0xoffset" or symbol, innermost first
  double lifetime_share = 0;        ///< of the session's time that it lived
  std::vector<double> block_bytes_per_second;  ///< one for each 2 MiB block
  std::vector<std::uint8_t> block_tiers;       ///< where each block lay while recorded
  /// Written, as far as a source told writes apart; empty when none did, zero for blocks of which
  /// none did
  std::vector<double> block_bytes_written_per_second;
  double written_known_bytes = 0;  ///< size of the blocks of which writes were told apart
  /// "present-bits", "memory-samples", "damon", "write-tracking", "referenced-bits" or
  /// "link-faults", the latter also behind another and a "+"; "none" when nothing can be said of
  /// it, which includes an object without a touch that was watched for less than three steps
  std::string source;
  double watched_seconds = 0;    ///< length of all windows of the steady time together
  double relative_error = 1;     ///< one standard error of the object's total, from counts
  std::vector<NamedHeat> names;  ///< in order of address; empty: nobody named it

  double bytes_per_second() const;
  double bytes_written_per_second() const;
  /// Of its size, that of which writes were told apart: 0: what is written is unknown.
  double written_known_share() const;
};

struct HeatMap {
  std::string machine_id;
  std::string executable;
  std::uint32_t pid = 0;
  std::uint32_t parent_pid = 0;  ///< 0: unknown
  std::string host;              ///< empty: unknown
  bool emulated = false;
  std::vector<Tier> tiers;              ///< as they were while recorded, fastest first
  double step_seconds = 0;              ///< 0: no period was found
  std::string step_source;              ///< how the period was found
  std::uint64_t start_realtime_ns = 0;  ///< since 1970
  double recorded_seconds = 0;
  std::vector<Span>
      steady;  ///< the parts of it at which the program was at its work: heat is theirs
  double link_wait_share = 0;        ///< of steady time that threads waited on emulated links
  double program_cpu_share = 0;      ///< program's CPU time over steady time; 1: one busy thread
  double recorder_cpu_share = 0;     ///< recorder's CPU time over wall time
  std::vector<SourceFacts> sources;  ///< empty in sessions of before they told
  std::vector<ObjectHeat> objects;   ///< hottest first
};

/// Objects that lived less than `min_lifetime_share` of the session are left out (load staging).
/// Errors: kUsage when the session holds no object or no observation.
Result<HeatMap> build_heat_map(const session::Session& session, double min_lifetime_share = 0.2);

}  // namespace terrace::heat
