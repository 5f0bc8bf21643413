// SPDX-License-Identifier: Apache-2.0
// What a recorded program's objects and tiers are read by the second, as of now: for the status of
// the running program, beside the session. Figures are means that forget: what was observed a
// record ago (about a second) counts for seven eighths of what is observed now.
// Filled by the recorder when it writes heat, read by the status; both hold the runtime's lock.
// Never allocates.
#pragma once

#include <cstdint>

#include <terrace/result.h>
#include <terrace/units.h>

#include "tiering/runtime/flat_plan.h"

namespace terrace::runtime {

/// Bytes that were seen to be read within some time of observing.
struct Sighting {
  double bytes = 0;
  Nanoseconds observed;
};

class LiveHeat {
 public:
  constexpr LiveHeat() = default;

  /// For objects that begin at one of `blocks` blocks; takes address space until they are seen.
  Status open(std::uint64_t blocks);

  /// What the access source, and emulated links, saw of the object that begins at this block since
  /// the last time.
  void source_saw(std::uint32_t first_block, std::uint64_t object, const Sighting& sighting);
  void links_saw(std::uint32_t first_block, std::uint64_t object, const Sighting& sighting);
  /// The source's part on one tier; of all objects, until settle() closes the record.
  void tier_seen(std::uint32_t tier, double bytes) { tiers_[tier].now += bytes; }
  void settle(Nanoseconds observed);

  /// Zero for what was never seen.
  double bytes_per_second(std::uint32_t first_block, std::uint64_t object) const;
  double tier_bytes_per_second(std::uint32_t tier) const;
  /// Has any window been counted?
  bool has_tiers() const { return tier_seconds_ > 0; }

 private:
  struct Mean {
    float bytes = 0;
    float seconds = 0;
    void add(const Sighting& sighting);
    double rate() const {
      return seconds > 0 ? static_cast<double>(bytes) / static_cast<double>(seconds) : 0;
    }
  };
  struct Entry {
    std::uint64_t object = 0;  ///< which one began here when the entry was written
    Mean source;
    Mean links;
  };
  struct TierMean {
    double now = 0;  ///< of the record that is being written
    double bytes = 0;
  };

  Entry& entry(std::uint32_t first_block, std::uint64_t object);

  Entry* entries_ = nullptr;
  TierMean tiers_[kMaxTiers] = {};
  double tier_seconds_ = 0;
};

}  // namespace terrace::runtime
