// SPDX-License-Identifier: Apache-2.0
// How often the recorder may look: each look is paid for by a pause, long enough for its cost to
// stay within a share of the CPU time that the program uses. The cost of a look is what the
// background thread used and what the program's threads lose by dropped entries (block_cost.h).
// Looks are paced by half of the share: what a block costs depends on what the program has in its
// caches, and a thread that works beside it runs slower meanwhile (measured: a look costs
// 1.3 to 1.7 times what it is charged, docs/sources.md). Pure logic, resident.
#pragma once

#include <terrace/units.h>

namespace terrace::sources {

class Budget {
 public:
  static constexpr std::uint32_t kMillion = 1000000;

  constexpr Budget() = default;
  /// In millionths of the program's CPU time; 0: no limit.
  void configure(std::uint32_t share_ppm) {
    share_ppm_ = share_ppm;
    paced_ppm_ = share_ppm - share_ppm / 2;
  }
  std::uint32_t share_ppm() const { return share_ppm_; }

  /// CPU time of the program's threads up to `now`, both never falling.
  void program_ran(Nanoseconds program_cpu, Nanoseconds now);
  /// How long the program has to run as it does for this cost to be within the share; 0: no limit.
  Nanoseconds pause_for(Nanoseconds cost) const;
  /// A look that ended at `now` cost this much.
  void spent(Nanoseconds cost, Nanoseconds now);
  /// CPUs that the program keeps busy, in millionths; one whole until it was seen to run.
  std::uint64_t busy_ppm() const { return busy_ppm_; }
  /// No look may begin before.
  Nanoseconds free_at() const { return free_at_; }

 private:
  Nanoseconds longest_pause(Nanoseconds cost) const;

  std::uint32_t share_ppm_ = 0;
  std::uint32_t paced_ppm_ = 0;  ///< the part of it by which looks are spaced
  bool begun_ = false;
  Nanoseconds counted_at_;
  Nanoseconds counted_cpu_;
  std::uint64_t busy_ppm_ = kMillion;  ///< CPUs that the program keeps busy, in millionths
  Nanoseconds free_at_;
};

}  // namespace terrace::sources
