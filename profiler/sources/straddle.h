// SPDX-License-Identifier: Apache-2.0
// For how long a window stands, which is not what its clock says.
// Passes that are under way when it begins: what is left of the block brings its entries back, so
// the window sees one block more than were passed in it for each thread that streams. Over some
// windows it is as if each had been longer.
// Faults: the program stands still in those by which the window sees it, as if it had been shorter.
// Pure logic, resident.
#pragma once

#include <cstdint>

#include <terrace/units.h>

namespace terrace::sources {

/// The time for which `windows` windows of `observed` in all stand, in which `touched` blocks were
/// seen while `busy_ppm` millionths of a CPU were busy. At most doubled: then windows are so short
/// that they see little but passes under way, and the share of it is a guess.
constexpr Nanoseconds with_passes_under_way(Nanoseconds observed, std::uint64_t touched,
                                            std::uint64_t windows, std::uint64_t busy_ppm) {
  const double seen = static_cast<double>(touched);
  double under_way = static_cast<double>(windows) * static_cast<double>(busy_ppm) * 1e-6;
  if (seen <= 0) return observed;
  if (under_way > seen / 2) under_way = seen / 2;
  return Nanoseconds(
      static_cast<std::uint64_t>(static_cast<double>(observed.value) * seen / (seen - under_way)));
}

/// The part of a window of `length` in which the program went on as it does without one, when
/// `busy_ppm` millionths of a CPU were busy and lost `lost` of CPU time to faults. Half of it at
/// the least: of faults that take more, the cost is not known well enough.
constexpr Nanoseconds without_faults(Nanoseconds length, Nanoseconds lost, std::uint64_t busy_ppm) {
  const Nanoseconds each(lost.value * 1000000 / busy_ppm);
  const Nanoseconds half(length.value / 2);
  return length - (each < half ? each : half);
}

}  // namespace terrace::sources
