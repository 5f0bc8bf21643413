// SPDX-License-Identifier: Apache-2.0
// Bandwidth-latency curves of a memory: for each share of reads in the traffic, the latency of a
// load while the memory delivers a given bandwidth, from idle to saturated (the form of the Mess
// benchmark, MICRO 2024). Read by the predictor. Plain values, thread-safe; allocates when made.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <terrace/result.h>
#include <terrace/units.h>

namespace terrace::model {

struct CurvePoint {
  double gbps = 0;        ///< delivered, reads and writes together
  double latency_ns = 0;  ///< of a dependent load meanwhile
};

/// One measured series.
struct CurveSeries {
  double read_share = 1;  ///< reads over all traffic, 0 to 1
  std::vector<CurvePoint> points;
  std::string place;  ///< file:line, for messages
};

class LatencyCurve {
 public:
  /// Refused (kUsage, with place and reason): no series, fewer than two points, a share outside 0
  /// to 1 or given twice, figures that are negative or not finite, a bandwidth that does not rise
  /// from point to point, a latency that falls.
  static Result<LatencyCurve> make(std::vector<CurveSeries> series);

  /// The most that was delivered, linear between the measured shares, that of the nearest beyond.
  GBps bandwidth_at(double read_share) const;
  /// Nanoseconds at a delivered bandwidth, linear between points and between shares. Beyond
  /// saturation it is the last point's: the memory delivers no more, whatever is asked.
  double latency_ns_at(double read_share, GBps delivered) const;
  double idle_latency_ns(double read_share) const { return latency_ns_at(read_share, GBps(0)); }

  const std::vector<CurveSeries>& series() const { return series_; }  ///< by rising read share

 private:
  explicit LatencyCurve(std::vector<CurveSeries> series) : series_(std::move(series)) {}
  std::vector<CurveSeries> series_;
};

}  // namespace terrace::model
