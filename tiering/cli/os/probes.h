// SPDX-License-Identifier: Apache-2.0
// What this machine and this user's rights allow, each tried for real and undone at once. Behind
// terrace doctor. Thread-safe except that referenced bits of this process are cleared; allocates.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace terrace::cli::os {

enum class State : std::uint8_t {
  kThere = 0,
  kPartly = 1,  ///< works with the limits that `detail` names
  kMissing = 2,
};

struct Finding {
  std::string capability;  ///< what it is, as the field calls it
  std::string used_for;
  State state = State::kMissing;
  std::string detail;   ///< what was tried, and what came of it
  std::string remedy;   ///< how to get it; empty when there is nothing to get
  bool needed = false;  ///< by emulated tiers or by recording
};

std::vector<Finding> probe_user_faults();  ///< userfaultfd and its minor mode
std::vector<Finding> probe_huge_pages();   ///< hugetlb, its memfd, the limit, THP
std::vector<Finding> probe_placement();    ///< mbind, its modes, move_pages, nodes
std::vector<Finding> probe_observation();  ///< pagemap, PAGEMAP_SCAN, referenced bits
std::vector<Finding> probe_sources();      ///< perf, PMU samples, write tracking, DAMON
std::vector<Finding> probe_devices();      ///< CXL devices, hwloc, libnuma
std::vector<Finding> probe_tiers();        ///< devdax, fsdax, interleave weights, NUMA balancing

}  // namespace terrace::cli::os
