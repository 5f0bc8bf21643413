// SPDX-License-Identifier: Apache-2.0
// From heat by 2 MiB block to heat by name. Runs after measure_blocks. Thread-safe; allocates.
//
// A block that lies in one tensor is the tensor's. A block that several share is split among them
// in proportion to overlap x density, where a tensor's density (heat for each byte)
// is that of the blocks it has for itself: a cold expert beside a hot one has little part in the
// block between them. A tensor without a block of its own counts with the density of those it lies
// in, and bytes without a name with the block's. The sum over an object is kept.
//
// Two errors are carried, as root of the sum of squares: counts, whose relative error grows as
// 1/sqrt(share of the object's heat) as that of Poisson counts does (none for exact sources); and
// shared blocks, for each the difference to a split by overlap alone.
#pragma once

#include <cstddef>
#include <vector>

#include "profiler/heat/heat_map.h"

namespace terrace::heat {

std::vector<NamedHeat> heat_by_name(const std::vector<session::NamedRange>& names,
                                    const ObjectHeat& object, std::size_t tier_count);

}  // namespace terrace::heat
