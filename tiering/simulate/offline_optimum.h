// SPDX-License-Identifier: Apache-2.0
// The offline optimum: the least time that the counted steps can take when all of them are known
// beforehand, blocks are divisible, and moves between windows are free. What every policy is
// compared with. Beside replay.h, fed with the same events by comparison.h.
//
// For each window: one linear programme (tiering/plan/programme.h) over the window's mean reads of
// each block, all streams of a step in one phase, routed reads alone. A phase that holds all
// streams never takes longer than its parts one after the other, and a mean never more than the
// mean of the maxima, so no placement that stays put within the window is below it. The window is
// one step where the workload changes all the time; then it is below whatever moves, too. Not
// thread-safe; allocates on construction and at a window's end.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include <terrace/result.h>

#include "tiering/policy/machine.h"
#include "tiering/simulate/workload.h"

namespace terrace::simulate {

class OfflineOptimum {
 public:
  /// `window_steps` 0: all counted steps are one window; else windows end at multiples of it,
  /// counted from the workload's first step. `first_step` is the first that counts.
  OfflineOptimum(const policy::Machine& machine, std::uint32_t blocks, std::uint64_t window_steps,
                 std::uint64_t first_step);

  /// A counted step. Errors are those of the linear programme.
  Status step(std::span<const Event> events);
  /// After the last step.
  Status finish();
  /// Seconds of all steps together.
  double seconds() const { return seconds_; }

 private:
  Status end_window();

  const policy::Machine& machine_;
  std::uint64_t window_steps_;
  std::uint64_t next_step_;
  std::uint64_t steps_ = 0;  // of the window at hand
  double seconds_ = 0;
  std::vector<std::uint32_t> streamed_;  // reads of each block in the window
  std::vector<std::uint32_t> routed_;
  // The last window's composition and step time: many windows are alike.
  std::vector<std::uint64_t> last_composition_;
  double last_step_seconds_ = 0;
};

}  // namespace terrace::simulate
