// SPDX-License-Identifier: Apache-2.0
// Lives of one object. Memory that is freed and allocated anew takes its old key (call-site, size,
// ordinal, origin), so a plan knows it as the same object, while a session has an object for each
// life: a context that an engine makes for each request, say. Used between the heat map and
// whatever knows objects by their key. Thread-safe (values); allocates.
#pragma once

#include "profiler/heat/heat_map.h"

namespace terrace::heat {

/// Makes one object of those that share a key. Its rates are the means over the lives, by how long
/// each lasted, since only one of them is there at a time; where it lay, its names and its frames
/// are those of the longest life. Objects stay hottest first. The 65th and later that live at once
/// at one site share an ordinal too, and so one map in a plan: they are joined as well, and what
/// they need beyond one object's room is not counted.
void join_lives(HeatMap& map);

}  // namespace terrace::heat
