// SPDX-License-Identifier: Apache-2.0
#include "profiler/heat/object_heat.h"

#include <algorithm>
#include <cmath>

#include "profiler/heat/blocks.h"
#include "profiler/heat/smoothing.h"
#include "profiler/session/source_name.h"

namespace terrace::heat {
namespace {

// What one source saw of an object in the steady time.
struct Counts {
  session::SourceKind kind = session::SourceKind::kPresentBits;
  std::vector<double> touches;
  double watched_s = 0;
  std::vector<const session::HeatSample*> records;

  bool any() const { return watched_s > 0; }
};

Counts sum_counts(const session::Session& session, const session::Object& object,
                  const Steady& steady, session::SourceKind source) {
  Counts counts;
  counts.kind = source;
  for (const session::HeatSample& sample : object.heat) {
    const session::HeatRecord& record = sample.record;
    if (record.source != static_cast<std::uint32_t>(source)) continue;
    if (record.observed_ns == 0 || !steady.holds(middle_of(session, record))) continue;
    counts.touches.resize(sample.touches.size());
    for (std::size_t i = 0; i < sample.touches.size(); ++i) counts.touches[i] += sample.touches[i];
    counts.watched_s += static_cast<double>(record.observed_ns) * 1e-9;
    counts.records.push_back(&sample);
  }
  return counts;
}

bool on_emulated_link(const session::Session& session, const session::Object& object,
                      std::size_t block) {
  return is_emulated_link(session, object.block_tiers[block]);
}

// Where each block lay. One that was given back lies nowhere and has no heat; the slowest tier is
// named for it, so that whoever reads the map may rely on every index.
std::vector<std::uint8_t> known_tiers(const session::Session& session,
                                      const session::Object& object) {
  std::vector<std::uint8_t> tiers = object.block_tiers;
  const auto slowest =
      static_cast<std::uint8_t>(session.tiers.empty() ? 0 : session.tiers.size() - 1);
  for (std::uint8_t& tier : tiers) tier = std::min(tier, slowest);
  return tiers;
}

// Blocks whose figure is to come from the windows; the others are on an emulated link.
std::vector<std::size_t> windowed_blocks(const session::Session& session,
                                         const session::Object& object, const Counts& faults) {
  std::vector<std::size_t> blocks;
  for (std::size_t block = 0; block < object.record.block_count; ++block) {
    if (faults.any() && on_emulated_link(session, object, block)) continue;
    blocks.push_back(block);
  }
  return blocks;
}

// Variance of the object's rate as its records differ from each other. Blocks of one object are
// passed in bursts, so their counts are not independent and Poisson alone would promise too much.
double variance_between_records(const Counts& windows, const std::vector<double>& units,
                                const std::vector<std::size_t>& blocks) {
  const std::size_t n = windows.records.size();
  if (n < 2) return 0;
  std::vector<double> bytes(n, 0.0);
  double all_bytes = 0;
  for (std::size_t i = 0; i < n; ++i) {
    for (const std::size_t block : blocks) {
      bytes[i] += windows.records[i]->touches[block] * units[block];
    }
    all_bytes += bytes[i];
  }
  const double rate = all_bytes / windows.watched_s;
  double squares = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const double watched_s = static_cast<double>(windows.records[i]->record.observed_ns) * 1e-9;
    squares += std::pow(bytes[i] - rate * watched_s, 2);
  }
  const auto count = static_cast<double>(n);
  return squares * count / (count - 1) / (windows.watched_s * windows.watched_s);
}

std::vector<double> units_of(const session::Session& session, const session::Object& object,
                             session::SourceKind kind) {
  std::vector<double> units(object.record.block_count);
  for (std::size_t block = 0; block < units.size(); ++block) {
    units[block] = bytes_of_count(session, object, kind, block);
  }
  return units;
}

// Returns the variance of the windows' part of the object's total, which goes to `rates`.
double measure_windows(const session::Session& session, const session::Object& object,
                       const Counts& windows, const std::vector<std::size_t>& blocks,
                       std::vector<double>& rates) {
  if (!windows.any()) return 0;
  const std::vector<double> units = units_of(session, object, windows.kind);
  std::vector<double> counts;
  counts.reserve(blocks.size());
  for (const std::size_t block : blocks) counts.push_back(windows.touches[block]);
  const std::vector<double> expected = smooth_counts(counts);
  double variance = 0;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const double weight = units[blocks[i]] / windows.watched_s;
    rates[blocks[i]] = expected[i] * weight;
    variance += weight * weight * counts[i];
  }
  return std::max(variance, variance_between_records(windows, units, blocks));
}

// Returns how many blocks were measured.
std::size_t measure_faults(const session::Session& session, const session::Object& object,
                           const Counts& faults, ObjectHeat& heat) {
  if (!faults.any()) return 0;
  std::size_t measured = 0;
  for (std::size_t block = 0; block < object.record.block_count; ++block) {
    if (!on_emulated_link(session, object, block)) continue;
    heat.block_bytes_per_second[block] =
        faults.touches[block] * bytes_of_block(object, block) / faults.watched_s;
    ++measured;
  }
  return measured;
}

void measure_referenced(const session::Object& object, const Counts& referenced, ObjectHeat& heat) {
  const double total = referenced.touches[0] * kReferencedPageBytes / referenced.watched_s;
  const auto size = static_cast<double>(object.record.size_bytes);
  for (std::size_t block = 0; block < object.record.block_count; ++block) {
    heat.block_bytes_per_second[block] = total * bytes_of_block(object, block) / size;
  }
  heat.source = "referenced-bits";
  heat.relative_error =
      total > 0 ? 1 / std::sqrt(static_cast<double>(referenced.records.size())) : 1;
}

// Exact as far as the engine is: no error of counting, and nothing to be smoothed.
void rates_of_told(const session::Session& session, const session::Object& object,
                   const Counts& told, std::vector<double>& rates) {
  const std::vector<double> units = units_of(session, object, told.kind);
  rates.assign(units.size(), 0.0);
  for (std::size_t block = 0; block < units.size(); ++block) {
    rates[block] = told.touches[block] * units[block] / told.watched_s;
  }
}

void measure_told(const session::Session& session, const session::Object& object,
                  const Steady& steady, const Counts& told, ObjectHeat& heat) {
  rates_of_told(session, object, told, heat.block_bytes_per_second);
  heat.source = session::name_of(told.kind);
  heat.watched_seconds = told.watched_s;
  heat.relative_error = 0;
  const Counts writes = sum_counts(session, object, steady, session::SourceKind::kHintedWrites);
  if (!writes.any()) return;
  rates_of_told(session, object, writes, heat.block_bytes_written_per_second);
  heat.written_known_bytes = static_cast<double>(object.record.size_bytes);
}

std::string name_sources(const Counts& windows, bool by_windows, bool by_faults) {
  const std::string faults = session::name_of(session::SourceKind::kLinkFaults);
  if (!by_windows) return by_faults ? faults : "none";
  const std::string name = session::name_of(windows.kind);
  return by_faults ? name + "+" + faults : name;
}

// The surest source that counted blocks in the steady time; of several in one session the others
// add nothing to it. Writes alone are heat only where nothing else was seen.
Counts best_windows(const session::Session& session, const session::Object& object,
                    const Steady& steady) {
  using session::SourceKind;
  Counts counts;
  for (const SourceKind kind : {SourceKind::kPresentBits, SourceKind::kMemorySamples,
                                SourceKind::kDamon, SourceKind::kWriteTracking}) {
    counts = sum_counts(session, object, steady, kind);
    if (counts.any()) break;
  }
  return counts;
}

void measure_writes(const session::Session& session, const session::Object& object,
                    const Steady& steady, const std::vector<std::size_t>& blocks,
                    ObjectHeat& heat) {
  const Counts writes = sum_counts(session, object, steady, session::SourceKind::kWriteTracking);
  if (!writes.any()) return;
  heat.block_bytes_written_per_second.assign(object.record.block_count, 0.0);
  measure_windows(session, object, writes, blocks, heat.block_bytes_written_per_second);
  for (const std::size_t block : blocks) heat.written_known_bytes += bytes_of_block(object, block);
}

}  // namespace

void measure_blocks(const session::Session& session, const session::Object& object,
                    const Steady& steady, ObjectHeat& heat) {
  using session::SourceKind;
  heat.block_tiers = known_tiers(session, object);
  heat.block_bytes_per_second.assign(object.record.block_count, 0.0);
  if (const Counts told = sum_counts(session, object, steady, SourceKind::kHints); told.any()) {
    measure_told(session, object, steady, told, heat);
    return;
  }
  const Counts windows = best_windows(session, object, steady);
  const Counts faults = sum_counts(session, object, steady, SourceKind::kLinkFaults);
  const Counts referenced = sum_counts(session, object, steady, SourceKind::kReferencedBits);
  if (!windows.any() && !faults.any() && referenced.any()) {
    measure_referenced(object, referenced, heat);
    return;
  }
  const std::vector<std::size_t> blocks = windowed_blocks(session, object, faults);
  const double variance =
      measure_windows(session, object, windows, blocks, heat.block_bytes_per_second);
  measure_writes(session, object, steady, blocks, heat);
  const std::size_t by_faults = measure_faults(session, object, faults, heat);
  heat.source = name_sources(windows, windows.any() && !blocks.empty(), by_faults > 0);
  heat.watched_seconds = windows.watched_s;
  const double total = heat.bytes_per_second();
  heat.relative_error = total > 0 ? std::sqrt(variance) / total : 1;
}

}  // namespace terrace::heat
