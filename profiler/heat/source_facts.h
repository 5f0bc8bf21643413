// SPDX-License-Identifier: Apache-2.0
// What a session says of its access sources: which, why, how sure, at what cost. Shared by the heat
// map and the timeline. Thread-safe (values); allocates.
#pragma once

#include <string>
#include <vector>

#include "profiler/session/session_reader.h"

namespace terrace::heat {

/// An access source of the session, with what it took.
struct SourceFacts {
  std::string name;          ///< session::name_of
  std::string choice;        ///< "automatic", "asked for", "in place of another"
  std::string reason;        ///< in words; untrusted text
  Bytes per_observation;     ///< 0: a count stands for its block
  double confidence = 0;     ///< 0 to 1
  double budget_share = 0;   ///< of the program's CPU time; 0: no limit
  double own_cpu_share = 0;  ///< the recorder's own CPU time over the program's
  double caused_cpu_share =
      0;                      ///< CPU time of faults that it caused over the program's, calibrated
  double window_seconds = 0;  ///< length of a window at the end of the session
  double period_seconds = 0;  ///< between the starts of two windows at the end; 0: fewer than two

  double cpu_share() const { return own_cpu_share + caused_cpu_share; }
};

/// Shares are of the whole session: a budget is kept over its length, not second by second.
std::vector<SourceFacts> sources_of(const session::Session& session);

}  // namespace terrace::heat
