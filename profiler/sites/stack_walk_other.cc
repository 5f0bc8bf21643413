// SPDX-License-Identifier: Apache-2.0
// Other machines than x86-64: the full unwinder walks every stack.
#include "profiler/sites/stack_walk.h"

namespace terrace::sites {

Walked walk_stack(const Registers&) {
  return {WalkEnd::kNotFollowed, {}};
}

}  // namespace terrace::sites
