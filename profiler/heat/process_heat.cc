// SPDX-License-Identifier: Apache-2.0
#include "profiler/heat/process_heat.h"

#include <algorithm>
#include <map>

#include "profiler/heat/blocks.h"

namespace terrace::heat {
namespace {

double bytes_of(const session::Session& process, const session::Object& object,
                const session::HeatSample& sample) {
  const session::HeatRecord& record = sample.record;
  if (record.observed_ns == 0) return 0;
  const auto source = static_cast<session::SourceKind>(record.source);
  double seen = 0;
  for (std::size_t block = 0; block < sample.touches.size(); ++block) {
    const double unit = source == session::SourceKind::kReferencedBits
                            ? kReferencedPageBytes
                            : bytes_of_count(process, object, source, block);
    seen += sample.touches[block] * unit;
  }
  return seen * static_cast<double>(record.end_ns - record.begin_ns) /
         static_cast<double>(record.observed_ns);
}

/// Sources tell of the same reads, so the one that saw most counts; but links tell of blocks that
/// no other source sees.
double bytes_of(const session::Session& process, const session::Object& object) {
  std::map<std::uint32_t, double> by_source;
  for (const session::HeatSample& sample : object.heat) {
    by_source[sample.record.source] += bytes_of(process, object, sample);
  }
  double most = 0;
  double on_links = 0;
  for (const auto& [source, bytes] : by_source) {
    if (source == static_cast<std::uint32_t>(session::SourceKind::kLinkFaults)) {
      on_links = bytes;
    } else {
      most = std::max(most, bytes);
    }
  }
  return most + on_links;
}

}  // namespace

double bytes_read(const session::Session& process) {
  double sum = 0;
  for (const session::Object& object : process.objects) sum += bytes_of(process, object);
  return sum;
}

std::size_t hottest(const session::Recording& recording) {
  std::size_t best = 0;
  double most = -1;
  for (std::size_t i = 0; i < recording.processes.size(); ++i) {
    const double bytes = bytes_read(recording.processes[i]);
    if (bytes <= most) continue;
    most = bytes;
    best = i;
  }
  return best;
}

}  // namespace terrace::heat
