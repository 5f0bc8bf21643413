// SPDX-License-Identifier: Apache-2.0
#include "profiler/heat/source_facts.h"

#include <algorithm>

#include "profiler/session/source_name.h"

namespace terrace::heat {
namespace {

const char* name_of_choice(std::uint32_t choice) {
  switch (static_cast<session::SourceChoice>(choice)) {
    case session::SourceChoice::kAutomatic:
      return "automatic";
    case session::SourceChoice::kAsked:
      return "asked for";
    case session::SourceChoice::kInstead:
      return "in place of another";
  }
  return "unknown";
}

}  // namespace

std::vector<SourceFacts> sources_of(const session::Session& session) {
  std::vector<SourceFacts> sources;
  for (const session::SourceUse& use : session.sources) {
    const session::SourceRecord& record = use.record;
    const char* const name = session::name_of(static_cast<session::SourceKind>(record.source));
    if (name == nullptr) continue;
    const double ran = static_cast<double>(record.program_cpu_ns);
    const auto share = [ran](std::uint64_t ns) {
      return ran > 0 ? static_cast<double>(ns) / ran : 0;
    };
    sources.push_back({name, name_of_choice(record.choice), use.reason,
                       Bytes(record.bytes_per_observation),
                       std::min(record.confidence_pct, 100u) / 100.0, record.budget_ppm / 1e6,
                       share(record.own_cpu_ns), share(record.caused_cpu_ns),
                       static_cast<double>(record.window_ns) * 1e-9,
                       static_cast<double>(record.period_ns) * 1e-9});
  }
  return sources;
}

}  // namespace terrace::heat
