// SPDX-License-Identifier: Apache-2.0
// From heat by 2 MiB block to heat by name: a tensor's heat is the sum over the blocks it lies in,
// each by the share of the block that is the tensor's. Runs after measure_blocks. Thread-safe;
// allocates.
//
// A block that several tensors share is read as if evenly, so a small cold tensor beside a hot one
// comes out warm. Two errors are carried, as root of the sum of squares: counts, whose relative
// error grows as 1/sqrt(share of the object's heat) as that of Poisson counts does (none for exact
// sources); and edges, for a block that is only partly the tensor's the overlap times the largest
// difference in bytes read for each byte to a neighbouring block.
#pragma once

#include <cstddef>
#include <vector>

#include "profiler/heat/heat_map.h"

namespace terrace::heat {

std::vector<NamedHeat> heat_by_name(const std::vector<session::NamedRange>& names,
                                    const ObjectHeat& object, std::size_t tier_count);

}  // namespace terrace::heat
