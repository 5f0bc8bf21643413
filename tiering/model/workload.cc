// SPDX-License-Identifier: Apache-2.0
#include "tiering/model/workload.h"

#include <algorithm>
#include <cmath>

#include "allocators/base/block_bytes.h"
#include "allocators/base/count_of.h"

namespace terrace::model {
namespace {

// A block below this share of one pass a step is taken as routed. Experts of real mixtures are
// picked in at most half of the steps; a dense block that straddles a tensor's end moves more.
constexpr double kRoutedBelow = 0.75;
// Standard errors that a block's count must be off one pass a step to be taken at its word: at 2.5
// fewer than 1 in 100 streamed blocks is called routed by chance.
constexpr double kSignificance = 2.5;
// However short the recording: what is read in fewer than about half of the steps is routed.
constexpr double kWidestBand = 0.45;

double full_bytes(const ObjectKey& key, std::size_t block) {
  return static_cast<double>(bytes_in_block(Bytes(key.size_bytes), block).value);
}

Status check_object(const heat::ObjectHeat& object, std::size_t index) {
  const std::uint64_t blocks = blocks_for(Bytes(object.key.size_bytes));
  if (object.block_bytes_per_second.size() != blocks) {
    return make_error(
        ErrorCode::kUsage, 0,
        "heat map: object %zu (%s) of %llu bytes has heat for %zu blocks, not %llu; "
        "record the session again",
        index, object.label.c_str(), static_cast<unsigned long long>(object.key.size_bytes),
        object.block_bytes_per_second.size(), static_cast<unsigned long long>(blocks));
  }
  for (std::size_t block = 0; block < blocks; ++block) {
    const double rate = object.block_bytes_per_second[block];
    if (!std::isfinite(rate) || rate < 0) {
      return make_error(ErrorCode::kUsage, 0,
                        "heat map: object %zu (%s), block %zu: %g bytes per second is no heat; "
                        "record the session again",
                        index, object.label.c_str(), block, rate);
    }
  }
  return ok_status();
}

// Width of the band around one pass a step within which the recording cannot tell blocks apart.
// A count of n has a standard error of sqrt(n), and relative_error is that of the object's total.
double streamed_band(const heat::ObjectHeat& object, double object_bytes_per_step,
                     double block_bytes) {
  const double block_error = object.relative_error * std::sqrt(object_bytes_per_step / block_bytes);
  return std::clamp(kSignificance * block_error, 1 - kRoutedBelow, kWidestBand);
}

Access access_of(double passes_per_step, double band) {
  if (passes_per_step < 1 - band) return Access::kRouted;
  return passes_per_step > 1 + band ? Access::kReused : Access::kStreamed;
}

// Blocks that pass once a step as far as the recording can tell get their common mean. Otherwise
// the planner would pick the slow tier's blocks by the noise of their counts, and each would turn
// out hotter than it looked.
void level_streamed(const heat::ObjectHeat& object, double object_bytes, ObjectLoad& load) {
  double moved = 0;
  double held = 0;
  std::vector<std::size_t> level;
  for (std::size_t i = 0; i < load.blocks.size(); ++i) {
    BlockLoad& block = load.blocks[i];
    if (block.access == Access::kUntouched) continue;
    const double full = full_bytes(object.key, i);
    const double band = streamed_band(object, object_bytes, full);
    block.access = access_of(block.bytes_per_step / full, band);
    if (std::fabs(block.bytes_per_step - full) > band * full) continue;
    level.push_back(i);
    moved += block.bytes_per_step;
    held += full;
  }
  for (std::size_t i : level) {
    load.blocks[i].bytes_per_step = moved / held * full_bytes(object.key, i);
  }
}

ObjectLoad load_of(const heat::ObjectHeat& object, std::uint32_t index, const Workload& workload) {
  ObjectLoad load;
  load.heat_index = index;
  load.observed = object.source != "none";
  load.blocks.resize(object.block_bytes_per_second.size());
  if (!load.observed) return load;
  double object_bytes = 0;
  for (std::size_t i = 0; i < load.blocks.size(); ++i) {
    const double bytes = object.block_bytes_per_second[i] * workload.step_seconds;
    load.blocks[i].bytes_per_step = bytes;
    if (bytes > 0) load.blocks[i].access = Access::kStreamed;
    object_bytes += bytes;
  }
  // Without a period nobody can say which blocks miss steps.
  if (!workload.per_second) level_streamed(object, object_bytes, load);
  return load;
}

// Phases of nearly equal length, so that no short tail is left in which nothing can overlap.
void append_phases(std::uint32_t object, std::size_t blocks, std::uint64_t blocks_per_phase,
                   std::vector<Phase>& phases) {
  const std::uint64_t count =
      std::max<std::uint64_t>(1, (blocks + blocks_per_phase / 2) / blocks_per_phase);
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t first = i * blocks / count;
    const std::uint64_t end = (i + 1) * blocks / count;
    phases.push_back(
        {object, static_cast<std::uint32_t>(first), static_cast<std::uint32_t>(end - first)});
  }
}

}  // namespace

double Workload::total_bytes_per_step() const {
  double total = 0;
  for (const ObjectLoad& object : objects) {
    for (const BlockLoad& block : object.blocks) total += block.bytes_per_step;
  }
  return total;
}

std::uint64_t Workload::total_blocks() const {
  std::uint64_t total = 0;
  for (const ObjectLoad& object : objects) total += object.blocks.size();
  return total;
}

Result<Workload> make_workload(const heat::HeatMap& heat, Bytes phase_bytes) {
  if (!std::isfinite(heat.step_seconds) || heat.step_seconds < 0) {
    return make_error(ErrorCode::kUsage, 0,
                      "heat map: a step of %g seconds; record the session again",
                      heat.step_seconds);
  }
  Workload workload;
  workload.per_second = heat.step_seconds == 0;
  workload.step_seconds = workload.per_second ? 1.0 : heat.step_seconds;
  const std::uint64_t blocks_per_phase =
      std::max<std::uint64_t>(1, phase_bytes.value >> kBlockShift);
  for (std::size_t i = 0; i < heat.objects.size(); ++i) {
    if (Status checked = check_object(heat.objects[i], i); !checked) return checked.error();
    if (heat.objects[i].key.size_bytes < kBlockBytes.value) {
      ++workload.small_object_count;
      continue;
    }
    const auto object = static_cast<std::uint32_t>(workload.objects.size());
    workload.objects.push_back(load_of(heat.objects[i], static_cast<std::uint32_t>(i), workload));
    append_phases(object, workload.objects.back().blocks.size(), blocks_per_phase, workload.phases);
  }
  if (workload.total_bytes_per_step() <= 0) {
    return make_error(ErrorCode::kUsage, 0,
                      "heat map: none of its %s of 2 MiB and more shows any heat; record "
                      "again while the program works",
                      count_of(heat.objects.size(), "object").c_str());
  }
  return workload;
}

}  // namespace terrace::model
