// SPDX-License-Identifier: Apache-2.0
#include "tiering/model/curve.h"

#include <algorithm>
#include <cmath>

namespace terrace::model {
namespace {

Error refused(const CurveSeries& series, const char* reason, std::size_t point) {
  return make_error(ErrorCode::kUsage, 0, "%.160s: curve: point %zu: %s", series.place.c_str(),
                    point + 1, reason);
}

Status check_points(const CurveSeries& series) {
  for (std::size_t i = 0; i < series.points.size(); ++i) {
    const CurvePoint& point = series.points[i];
    if (!std::isfinite(point.gbps) || !std::isfinite(point.latency_ns) || point.gbps < 0 ||
        point.latency_ns <= 0) {
      return refused(series, "GB/s below 0 or nanoseconds not above 0; correct the figure", i);
    }
    if (i == 0) continue;
    if (point.gbps <= series.points[i - 1].gbps) {
      return refused(series, "its bandwidth goes back; order the points from idle to saturated", i);
    }
    if (point.latency_ns < series.points[i - 1].latency_ns) {
      return refused(series, "its latency falls under more load; leave the outlier out", i);
    }
  }
  return ok_status();
}

Status check_series(const CurveSeries& series) {
  if (!(series.read_share >= 0 && series.read_share <= 1)) {
    return make_error(ErrorCode::kUsage, 0,
                      "%.160s: curve: a read share of %g; give reads over all traffic, 0 to 1",
                      series.place.c_str(), series.read_share);
  }
  if (series.points.size() < 2) {
    return make_error(ErrorCode::kUsage, 0,
                      "%.160s: curve: %zu points; give two at least, idle and saturated",
                      series.place.c_str(), series.points.size());
  }
  return check_points(series);
}

double latency_in(const CurveSeries& series, double gbps) {
  const auto& points = series.points;
  if (gbps <= points.front().gbps) return points.front().latency_ns;
  for (std::size_t i = 1; i < points.size(); ++i) {
    if (gbps > points[i].gbps) continue;
    const CurvePoint& a = points[i - 1];
    const CurvePoint& b = points[i];
    return std::lerp(a.latency_ns, b.latency_ns, (gbps - a.gbps) / (b.gbps - a.gbps));
  }
  return points.back().latency_ns;
}

/// Interpolates what `of` says of the two series around a read share.
template <typename Of>
double between(const std::vector<CurveSeries>& all, double read_share, Of of) {
  const auto above = std::find_if(all.begin(), all.end(), [&](const CurveSeries& series) {
    return series.read_share >= read_share;
  });
  if (above == all.end()) return of(all.back());
  if (above == all.begin()) return of(*above);
  const auto below = std::prev(above);
  const double part = (read_share - below->read_share) / (above->read_share - below->read_share);
  return std::lerp(of(*below), of(*above), part);
}

}  // namespace

Result<LatencyCurve> LatencyCurve::make(std::vector<CurveSeries> series) {
  if (series.empty()) {
    return make_error(ErrorCode::kUsage, 0, "curve: no points; give a series at least");
  }
  for (const CurveSeries& one : series) {
    if (Status checked = check_series(one); !checked) return checked.error();
  }
  std::stable_sort(series.begin(), series.end(), [](const CurveSeries& a, const CurveSeries& b) {
    return a.read_share < b.read_share;
  });
  for (std::size_t i = 1; i < series.size(); ++i) {
    if (series[i].read_share > series[i - 1].read_share) continue;
    return make_error(ErrorCode::kUsage, 0,
                      "%.160s: curve: the read share %g is there already (%.60s); join the two",
                      series[i].place.c_str(), series[i].read_share, series[i - 1].place.c_str());
  }
  return LatencyCurve(std::move(series));
}

GBps LatencyCurve::bandwidth_at(double read_share) const {
  return GBps(
      between(series_, read_share, [](const CurveSeries& one) { return one.points.back().gbps; }));
}

double LatencyCurve::latency_ns_at(double read_share, GBps delivered) const {
  return between(series_, read_share,
                 [&](const CurveSeries& one) { return latency_in(one, delivered.value); });
}

}  // namespace terrace::model
