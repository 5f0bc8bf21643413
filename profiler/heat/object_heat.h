// SPDX-License-Identifier: Apache-2.0
// One object's heat records of the steady time -> bytes a second for each of its blocks.
// Second stage of the heat map. Thread-safe; allocates.
//
// Windows: rate = touches * block bytes / watched time. A window shows that a block was passed at
// least once. For a scan of period P >= window w the chance of that is w/P, so the rate is without
// bias; a block that is passed more often than once in w is underestimated (saturation), which is
// why the recorder keeps windows shorter than a step. A block that is touched in part counts as
// touched whole: rates of sparse accesses are upper bounds.
// Emulated links: every pass faults, so rate = faults * block bytes / time, exact. Where a block
// lies on an emulated tier its faults win; its present bits are dropped after every pass and would
// mislead.
// Samples and written pages: the same, a count standing for as many bytes as the session says.
// Referenced bits: 4 KiB pages referenced over the object, spread evenly over its blocks.
#pragma once

#include "profiler/heat/heat_map.h"
#include "profiler/heat/steady.h"

namespace terrace::heat {

/// Fills block_bytes_per_second, block_tiers, source, watched_seconds and relative_error of `heat`.
/// relative_error of what windows saw is the larger of two standard errors: counts as Poisson,
/// sqrt(sum(weight^2 * count)), and the spread between records by the ratio estimator,
/// n/(n-1) * sum((bytes_i - rate * watched_i)^2) / watched^2 (W. G. Cochran, "Sampling
/// Techniques", ch. 6). Exact sources add none; referenced bits 1/sqrt(records).
void measure_blocks(const session::Session& session, const session::Object& object,
                    const Steady& steady, ObjectHeat& heat);

}  // namespace terrace::heat
