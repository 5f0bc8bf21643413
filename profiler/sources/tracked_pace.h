// SPDX-License-Identifier: Apache-2.0
// How much slower a program goes in windows in which its writes are tracked than in others: by
// nothing to speak of on some machines, by more than half where a hypervisor keeps page tables of
// its own (docs/sources.md). Present bits tell, since both sorts of windows see what is touched.
// Such windows count for writes alone, and for as long as the program would have taken at its
// usual pace.
// Pure logic, resident.
#pragma once

#include <cstdint>

#include <terrace/units.h>

#include "profiler/sources/straddle.h"

namespace terrace::sources {

class TrackedPace {
 public:
  constexpr TrackedPace() = default;

  /// A window that stands for `observed`, in which `touched` blocks were seen while `busy_ppm`
  /// millionths of a CPU were busy: one without tracking, and one with it.
  void window(std::uint64_t touched, Nanoseconds observed, std::uint64_t busy_ppm) {
    plain_.add(touched, observed, busy_ppm);
  }
  void tracked_window(std::uint64_t touched, Nanoseconds observed, std::uint64_t busy_ppm) {
    tracked_.add(touched, observed, busy_ppm);
  }

  /// Of its usual pace, 0.1 to 1; 1 as long as too little was seen to say.
  double share() const {
    if (plain_.touched < kFewest || tracked_.touched < kFewest) return 1;
    const double share = tracked_.rate() / plain_.rate();
    if (share > 1) return 1;
    return share > kLeast ? share : kLeast;
  }

 private:
  static constexpr std::uint64_t kFewest = 20;
  static constexpr double kLeast = 0.1;

  struct Sum {
    std::uint64_t touched = 0;
    Nanoseconds stood_for;

    void add(std::uint64_t seen, Nanoseconds observed, std::uint64_t busy_ppm) {
      touched += seen;
      stood_for = stood_for + with_passes_under_way(observed, seen, 1, busy_ppm);
    }
    double rate() const {
      return stood_for.value != 0
                 ? static_cast<double>(touched) / static_cast<double>(stood_for.value)
                 : 0;
    }
  };

  Sum plain_;
  Sum tracked_;
};

}  // namespace terrace::sources
