// SPDX-License-Identifier: Apache-2.0
// Which part of a session shows the program at its work, and how long its step is: loading writes
// every weight once and would distort the heat. First stage of the heat map.
// Thread-safe; allocates.
//
// With StepRecords the work is the union of the spans that they vouch for: from `observations`
// periods before each (what it was measured over), or from the end of the last look for the step
// that found none, up to kLongestStepReach before, since nobody looked in between; to some time
// after it, since the recorder looks for the step every few seconds only, and half as often each
// time that it is found as it was: so that is kStepReach after the first, and after another one
// twice the time since the one before and as much again, up to kLongestStepReach. Without them, or
// when no heat was recorded in those spans, it is the last 60 % of the session, and where no heat
// was recorded after their begin the record that reaches into them; and those 60 % as well where
// the spans are less than an eighth of them. The step is the median of the records' periods,
// weighted by their observations. Where the engine tells its steps (MarkRecord), the work is what
// lies between its first mark and its last, and the step that time over the steps in it: so what it
// told for each step comes out exact.
#pragma once

#include <vector>

#include "profiler/session/session_reader.h"

namespace terrace::heat {

inline constexpr double kStepReach = 8.0;          ///< seconds
inline constexpr double kLongestStepReach = 40.0;  ///< seconds

struct Span {
  double begin_s = 0;  ///< seconds since the session's start
  double end_s = 0;
};

struct Steady {
  std::vector<Span> spans;  ///< ascending, disjoint
  double step_seconds = 0;  ///< 0: neither StepRecord nor marks
  bool told = false;        ///< the engine told its steps

  /// A heat record counts when the middle of its time does: they come about once a second.
  bool holds(double at_s) const;
  double seconds() const;
  /// How much of the steady time lies in [begin_s, end_s).
  double seconds_within(double begin_s, double end_s) const;
};

/// A time of the session's clock in seconds since the session's start, 0 before it.
double since_start(const session::Session& session, std::uint64_t ns);

/// The middle of a heat record's time, in the same seconds.
double middle_of(const session::Session& session, const session::HeatRecord& record);

Steady find_steady(const session::Session& session);

}  // namespace terrace::heat
