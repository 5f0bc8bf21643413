// SPDX-License-Identifier: Apache-2.0
// What is simulated: a source of events, step by step. Made by workloads.h (synthetic), by
// trace_workload.h (requests) or session_workload.h (a recording); fed to every policy alike by
// comparison.h. Not thread-safe. Allocates; memory does not grow with the
// number of steps.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tiering/policy/machine.h"

namespace terrace::simulate {

enum class EventKind : std::uint8_t {
  kStream = 0,    ///< blocks read in order with the rest of their phase: transfers overlap
  kRoute = 1,     ///< blocks that nobody knew of before: each is waited for alone
  kPhaseEnd = 2,  ///< what follows overlaps with nothing before
  kAllocate = 3,  ///< blocks come into being
  kRelease = 4,   ///< blocks end
};

struct Event {
  EventKind kind = EventKind::kPhaseEnd;
  policy::BlockId first = 0;
  std::uint32_t count = 0;
};

class Workload {
 public:
  virtual ~Workload() = default;
  virtual const policy::Layout& layout() const = 0;
  /// Appends the events of one step. False: there is no further step, and nothing was appended.
  /// Blocks are allocated before they are read.
  virtual bool next_step(std::vector<Event>& events) = 0;
};

/// Allocates all blocks of the layout: the first event of workloads whose blocks only stay.
inline void allocate_all(const policy::Layout& layout, std::vector<Event>& events) {
  events.push_back({EventKind::kAllocate, 0, layout.blocks()});
}

/// Blocks [first, first + count) as phases of 32 MiB, as the planner's default.
inline constexpr std::uint32_t kPhaseBlocks = 16;
inline void stream(policy::BlockId first, std::uint32_t count, std::vector<Event>& events) {
  while (count > 0) {
    const std::uint32_t part = count < kPhaseBlocks ? count : kPhaseBlocks;
    events.push_back({EventKind::kStream, first, part});
    events.push_back({EventKind::kPhaseEnd, 0, 0});
    first += part;
    count -= part;
  }
}

/// The same for blocks that need not be neighbours; runs of neighbours are joined.
class ScatteredStream {
 public:
  explicit ScatteredStream(std::vector<Event>& events) : events_(events) {}

  void add(policy::BlockId block) {
    if (in_phase_ > 0 && block == events_.back().first + events_.back().count) {
      ++events_.back().count;
    } else {
      events_.push_back({EventKind::kStream, block, 1});
    }
    if (++in_phase_ == kPhaseBlocks) end();
  }
  void end() {
    if (in_phase_ > 0) events_.push_back({EventKind::kPhaseEnd, 0, 0});
    in_phase_ = 0;
  }

 private:
  std::vector<Event>& events_;
  std::uint32_t in_phase_ = 0;
};

}  // namespace terrace::simulate
