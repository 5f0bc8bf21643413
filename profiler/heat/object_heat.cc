// SPDX-License-Identifier: Apache-2.0
#include "profiler/heat/object_heat.h"

#include <algorithm>
#include <cmath>

#include "profiler/heat/blocks.h"
#include "profiler/heat/smoothing.h"

namespace terrace::heat {
namespace {

// What one source saw of an object in the steady time.
struct Counts {
  std::vector<double> touches;
  double watched_s = 0;
  std::vector<const session::HeatSample*> records;

  bool any() const { return watched_s > 0; }
};

Counts sum_counts(const session::Session& session, const session::Object& object,
                  const Steady& steady, session::SourceKind source) {
  Counts counts;
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
double variance_between_records(const session::Object& object, const Counts& windows,
                                const std::vector<std::size_t>& blocks) {
  const std::size_t n = windows.records.size();
  if (n < 2) return 0;
  std::vector<double> bytes(n, 0.0);
  double all_bytes = 0;
  for (std::size_t i = 0; i < n; ++i) {
    for (const std::size_t block : blocks) {
      bytes[i] += windows.records[i]->touches[block] * bytes_of_block(object, block);
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

// Returns the variance of the windows' part of the object's total.
double measure_windows(const session::Object& object, const Counts& windows,
                       const std::vector<std::size_t>& blocks, ObjectHeat& heat) {
  if (!windows.any()) return 0;
  std::vector<double> counts;
  counts.reserve(blocks.size());
  for (const std::size_t block : blocks) counts.push_back(windows.touches[block]);
  const std::vector<double> expected = smooth_counts(counts);
  double variance = 0;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const double weight = bytes_of_block(object, blocks[i]) / windows.watched_s;
    heat.block_bytes_per_second[blocks[i]] = expected[i] * weight;
    variance += weight * weight * counts[i];
  }
  return std::max(variance, variance_between_records(object, windows, blocks));
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

const char* name_sources(bool windows, bool faults) {
  if (windows && faults) return "present-bits+link-faults";
  if (windows) return "present-bits";
  return faults ? "link-faults" : "none";
}

}  // namespace

void measure_blocks(const session::Session& session, const session::Object& object,
                    const Steady& steady, ObjectHeat& heat) {
  using session::SourceKind;
  heat.block_tiers = known_tiers(session, object);
  heat.block_bytes_per_second.assign(object.record.block_count, 0.0);
  const Counts windows = sum_counts(session, object, steady, SourceKind::kPresentBits);
  const Counts faults = sum_counts(session, object, steady, SourceKind::kLinkFaults);
  const Counts referenced = sum_counts(session, object, steady, SourceKind::kReferencedBits);
  if (!windows.any() && !faults.any() && referenced.any()) {
    measure_referenced(object, referenced, heat);
    return;
  }
  const std::vector<std::size_t> blocks = windowed_blocks(session, object, faults);
  const double variance = measure_windows(object, windows, blocks, heat);
  const std::size_t by_faults = measure_faults(session, object, faults, heat);
  heat.source = name_sources(windows.any() && !blocks.empty(), by_faults > 0);
  heat.watched_seconds = windows.watched_s;
  const double total = heat.bytes_per_second();
  heat.relative_error = total > 0 ? std::sqrt(variance) / total : 1;
}

}  // namespace terrace::heat
