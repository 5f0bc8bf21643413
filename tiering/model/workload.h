// SPDX-License-Identifier: Apache-2.0
// A heat map as the step-time model sees it: bytes that each 2 MiB block moves in a step, how the
// block is accessed, and which blocks are streamed together (phases). Made once for each plan,
// read by step_model.h and the planner. Plain values, thread-safe when not written; allocates.
#pragma once

#include <cstdint>
#include <vector>

#include <terrace/result.h>
#include <terrace/units.h>

#include "profiler/heat/heat_map.h"

namespace terrace::model {

/// How a block's bytes are asked for, which decides whether a slow transfer can hide.
enum class Access : std::uint8_t {
  kUntouched = 0,  ///< no byte in a step: costs nothing anywhere
  kStreamed = 1,   ///< read every step in address order: its transfer overlaps its phase's work
  kRouted = 2,     ///< read in some steps only, as a routed expert is: nothing runs ahead of it
  kReused = 3,  ///< read several times in a step, as activations are: the later reads come at once
};

struct BlockLoad {
  double bytes_per_step = 0;
  Access access = Access::kUntouched;
};

struct ObjectLoad {
  std::uint32_t heat_index = 0;  ///< of the object in HeatMap::objects
  bool observed = true;          ///< false: the recording could not see it, its heat is unknown
  std::vector<BlockLoad> blocks;
};

/// Consecutive blocks of one object, streamed together: bandwidths add only within it.
struct Phase {
  std::uint32_t object = 0;  ///< index in Workload::objects
  std::uint32_t first_block = 0;
  std::uint32_t block_count = 0;
};

struct Workload {
  double step_seconds = 0;  ///< as recorded; 1 when the recording shows no period
  bool per_second = false;  ///< no period was found: a "step" is one second of the recording
  std::vector<ObjectLoad> objects;  ///< in the heat map's order, those under one block left out
  std::vector<Phase> phases;        ///< in the order of objects, then of addresses
  std::uint64_t small_object_count = 0;  ///< objects under one block, left to the default policy

  double total_bytes_per_step() const;
  std::uint64_t total_blocks() const;
};

/// Errors: kUsage when the heat map holds no heat, a negative or non-finite figure, or a block list
/// that does not match its object's size.
Result<Workload> make_workload(const heat::HeatMap& heat, Bytes phase_bytes);

}  // namespace terrace::model
