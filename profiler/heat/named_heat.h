// SPDX-License-Identifier: Apache-2.0
// From heat by 2 MiB block to heat by name. Runs after measure_blocks. Thread-safe; allocates.
//
// A block that lies in one tensor is the tensor's. A block that several share counts a touch of any
// of them as one of all: what an expert has of it is not what its block was passed, but what its
// neighbour was. So a tensor with blocks of its own has the density of those (heat for each byte)
// in the shared ones, too. A tensor without any counts with the density of those it lies in, bytes
// without a name with the block's, and they have of the block what is theirs by overlap x density.
// The names of an object may add up to less than it.
//
// Two errors are carried, as root of the sum of squares: counts, whose relative error grows as
// 1/sqrt(share of the object's heat) as that of Poisson counts does (none for exact sources); and
// shared blocks: for a tensor with blocks of its own what of a block its tensors' densities do not
// explain, which is passed as often as the hottest of them at the least and as all of them at the
// most; for one without, the difference to a split by overlap alone.
#pragma once

#include <cstddef>
#include <vector>

#include "profiler/heat/heat_map.h"

namespace terrace::heat {

std::vector<NamedHeat> heat_by_name(const std::vector<session::NamedRange>& names,
                                    const ObjectHeat& object, std::size_t tier_count);

}  // namespace terrace::heat
