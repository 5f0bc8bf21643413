// SPDX-License-Identifier: Apache-2.0
// What lay where over a session's time, and what moved between tiers. Behind the page's views of
// occupancy and moves. A session says between which two observations of an object it moved, so
// times are as exact as these are apart (about a second). Thread-safe; allocates.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "profiler/session/session_reader.h"

namespace terrace::report {

struct OccupancySeries {
  std::size_t tier = 0;
  std::string memory_class;   ///< class_word() of named_parts.h
  std::vector<double> bytes;  ///< at the middle of each column
};

struct MoveSeries {
  std::size_t from = 0;
  std::size_t to = 0;
  double bytes = 0;                    ///< one way and back and forth together
  std::vector<double> one_way;         ///< bytes moved in each column
  std::vector<double> back_and_forth;  ///< of blocks that returned to a tier they had left
};

struct PlacementHistory {
  std::size_t columns = 0;
  double seconds = 0;
  std::vector<OccupancySeries> occupancy;  ///< of pairs of tier and class that were ever occupied
  std::vector<MoveSeries> moves;           ///< of pairs of tiers between which anything moved
};

PlacementHistory make_placement_history(const session::Session& session, std::size_t columns);

}  // namespace terrace::report
