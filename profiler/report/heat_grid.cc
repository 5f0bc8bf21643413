// SPDX-License-Identifier: Apache-2.0
#include "profiler/report/heat_grid.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <string_view>

#include "profiler/report/named_parts.h"
#include "profiler/report/totals.h"
#include "profiler/report/words.h"

namespace terrace::report {
namespace {

constexpr double kBlockMiB = 2;

/// By tensors where the object has names, else in equal parts.
std::vector<NamedPart> parts_of(const heat::ObjectHeat& object, double blocks_per_part) {
  std::vector<NamedPart> parts = named_parts(object, blocks_per_part);
  if (!parts.empty()) return parts;
  const std::size_t blocks = object.block_bytes_per_second.size();
  const auto wanted = static_cast<std::size_t>(static_cast<double>(blocks) / blocks_per_part);
  const std::size_t count = std::clamp<std::size_t>(wanted, 1, std::max<std::size_t>(blocks, 1));
  const std::string label = printable(object.label);
  for (std::size_t part = 0; part < count; ++part) {
    const std::size_t first = blocks * part / count;
    const std::size_t end = blocks * (part + 1) / count;
    std::string name = label;
    if (count > 1) {
      name += format(" [%.0f to %.0f MiB]", static_cast<double>(first) * kBlockMiB,
                     static_cast<double>(end) * kBlockMiB);
    }
    parts.push_back({first, end - first, std::move(name)});
  }
  return parts;
}

/// Blocks for each row, so that no more than `rows` come out.
double blocks_per_part(const std::vector<heat::ObjectHeat>& objects, std::size_t shown,
                       std::size_t rows) {
  double blocks = 0;
  for (std::size_t i = 0; i < shown; ++i) {
    blocks += static_cast<double>(objects[i].block_bytes_per_second.size());
  }
  const std::size_t spare = rows > shown ? rows - shown : 0;
  // Each object keeps one row whatever its size; floor() then uses at most `spare` more.
  return spare == 0 ? blocks + 1 : std::max(1.0, blocks / static_cast<double>(spare));
}

GridRow row_of(const heat::HeatMap& map, std::size_t index, const NamedPart& part) {
  const heat::ObjectHeat& object = map.objects[index];
  GridRow row;
  row.object = index;
  row.first_block = part.first_block;
  row.blocks = part.blocks;
  row.label = part.name;
  row.tier_bytes.assign(map.tiers.size(), 0.0);
  for (std::size_t b = row.first_block; b < row.first_block + row.blocks; ++b) {
    const double bytes = block_bytes(object, b);
    row.bytes += bytes;
    if (b < object.block_tiers.size() && object.block_tiers[b] < map.tiers.size()) {
      row.tier_bytes[object.block_tiers[b]] += bytes;
    }
  }
  return row;
}

/// Rates of one source in one row: two sources watch different blocks, so that theirs add up.
struct SourceCells {
  std::vector<double> rate_seconds;
  std::vector<double> seconds;
};

class ObjectCells {
 public:
  ObjectCells(const heat::ObjectTimeline& object, const HeatGrid& grid)
      : object_(object), grid_(grid), column_s_(grid.seconds / static_cast<double>(grid.columns)) {}

  void fill(GridRow& row) const {
    std::map<std::string_view, SourceCells> sources;
    for (const heat::HeatStretch& stretch : object_.stretches) {
      const double rate = rate_within(stretch, row);
      if (rate < 0) continue;
      SourceCells& cells = sources[stretch.source];
      cells.rate_seconds.resize(grid_.columns);
      cells.seconds.resize(grid_.columns);
      spread(stretch, rate, cells);
    }
    row.bytes_per_second.assign(grid_.columns, -1.0);
    for (const auto& [name, cells] : sources) {
      for (std::size_t c = 0; c < grid_.columns; ++c) {
        if (cells.seconds[c] <= 0) continue;
        double& cell = row.bytes_per_second[c];
        cell = std::max(cell, 0.0) + cells.rate_seconds[c] / cells.seconds[c];
      }
    }
  }

 private:
  /// Negative when the stretch says nothing of the row's blocks.
  static double rate_within(const heat::HeatStretch& stretch, const GridRow& row) {
    const std::size_t row_end = row.first_block + row.blocks;
    double rate = -1;
    for (const heat::HeatRange& range : stretch.ranges) {
      const std::size_t first = std::max(range.first_block, row.first_block);
      const std::size_t end = std::min(range.first_block + range.blocks, row_end);
      if (first >= end) continue;
      rate = std::max(rate, 0.0) + range.bytes_per_second * static_cast<double>(end - first) /
                                       static_cast<double>(range.blocks);
    }
    return rate;
  }

  void spread(const heat::HeatStretch& stretch, double rate, SourceCells& cells) const {
    const double last = static_cast<double>(grid_.columns) - 1;
    const auto first =
        static_cast<std::size_t>(std::clamp(std::floor(stretch.begin_s / column_s_), 0.0, last));
    const auto end =
        static_cast<std::size_t>(std::clamp(std::floor(stretch.end_s / column_s_), 0.0, last));
    for (std::size_t c = first; c <= end; ++c) {
      const double begin_s = std::max(stretch.begin_s, static_cast<double>(c) * column_s_);
      const double end_s = std::min(stretch.end_s, static_cast<double>(c + 1) * column_s_);
      if (end_s <= begin_s) continue;
      cells.rate_seconds[c] += rate * (end_s - begin_s);
      cells.seconds[c] += end_s - begin_s;
    }
  }

  const heat::ObjectTimeline& object_;
  const HeatGrid& grid_;
  const double column_s_;
};

}  // namespace

HeatGrid make_heat_grid(const heat::HeatMap& map, const heat::Timeline& timeline,
                        const GridLimits& limits) {
  HeatGrid grid;
  grid.seconds = std::max(timeline.recorded_seconds, 1e-3);
  grid.columns = std::clamp<std::size_t>(static_cast<std::size_t>(std::floor(grid.seconds)), 1,
                                         std::max<std::size_t>(limits.columns, 1));
  const std::size_t shown = std::min(map.objects.size(), limits.rows);
  grid.objects_left_out = map.objects.size() - shown;
  std::map<std::uint64_t, const heat::ObjectTimeline*> timelines;
  for (const heat::ObjectTimeline& object : timeline.objects) timelines[object.object] = &object;
  const double per_part = blocks_per_part(map.objects, shown, limits.rows);
  for (std::size_t i = 0; i < shown; ++i) {
    const auto found = timelines.find(map.objects[i].object);
    for (const NamedPart& part : parts_of(map.objects[i], per_part)) {
      GridRow row = row_of(map, i, part);
      row.bytes_per_second.assign(grid.columns, -1.0);
      if (found != timelines.end()) ObjectCells(*found->second, grid).fill(row);
      grid.rows.push_back(std::move(row));
    }
  }
  return grid;
}

}  // namespace terrace::report
