// SPDX-License-Identifier: Apache-2.0
// One batch of a NUMA move: asks where the pages are, sends those that are elsewhere, asks again
// unless the kernel told of each of them that it is there, and says of each byte what became of it.
// Third file on the walk of docs/life-of-a-move.md. Batches of disjoint ranges may run side by
// side; allocates.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include <terrace/units.h>

#include "tiering/migrate/kernel.h"
#include "tiering/migrate/mover.h"

namespace terrace::migrate {

/// Adjacent whole pages of one size, all of them mapped.
struct PageRange {
  std::uintptr_t begin = 0;
  std::uintptr_t end = 0;
  Bytes page;
  Bytes size() const { return Bytes(end - begin); }
};

struct BatchResult {
  std::array<std::uint64_t, static_cast<std::size_t>(Outcome::kCount)> bytes{};
  int other_errno = 0;
  Nanoseconds longest_hold;

  void add(Outcome outcome, Bytes size) { bytes[static_cast<std::size_t>(outcome)] += size.value; }
  Bytes of(Outcome outcome) const { return Bytes(bytes[static_cast<std::size_t>(outcome)]); }
};

/// Moves what is not on `tier` to it. A busy page is tried twice.
BatchResult move_pages_of(const Kernel& kernel, int pid, const PageRange& range,
                          const std::vector<NodeId>& tier);

/// Where this process's pages are now: kAlreadyThere for those on `tier`; moves nothing.
BatchResult places_of(const Kernel& kernel, const PageRange& range,
                      const std::vector<NodeId>& tier);

}  // namespace terrace::migrate
