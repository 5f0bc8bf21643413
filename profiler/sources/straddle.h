// SPDX-License-Identifier: Apache-2.0
// Passes that are under way when a window begins: what is left of the block brings its entries
// back, so the window sees one block more than were passed in it for each thread that streams. Over
// some windows it is as if each had been longer than its clock says.
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

}  // namespace terrace::sources
