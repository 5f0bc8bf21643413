// SPDX-License-Identifier: Apache-2.0
#include "profiler/report/placement_history.h"

#include <algorithm>
#include <map>
#include <utility>

#include "profiler/heat/blocks.h"
#include "profiler/heat/steady.h"
#include "profiler/report/named_parts.h"

namespace terrace::report {
namespace {

using Tiers = std::vector<std::uint8_t>;

/// From `begin_s` on the object lies so.
struct Era {
  double begin_s = 0;
  const Tiers* tiers = nullptr;
};

std::vector<Era> eras_of(const session::Session& session, const session::Object& object) {
  std::vector<Era> eras;
  double begin_s = heat::since_start(session, object.record.born_ns);
  for (const session::EarlierPlacement& earlier : object.earlier) {
    eras.push_back({begin_s, &earlier.block_tiers});
    const std::size_t taken = std::min(earlier.heat_samples, object.heat.size());
    // The move is written before the next observation; without one before it, it came at birth.
    if (taken > 0) {
      const double seen_s = heat::since_start(session, object.heat[taken - 1].record.end_ns);
      begin_s = std::max(begin_s, seen_s);
    }
  }
  eras.push_back({begin_s, &object.block_tiers});
  return eras;
}

class HistoryBuilder {
 public:
  HistoryBuilder(const session::Session& session, std::size_t columns) : session_(session) {
    history_.columns = std::max<std::size_t>(columns, 1);
    history_.seconds = std::max(heat::since_start(session, session.last_ns), 1e-3);
    column_s_ = history_.seconds / static_cast<double>(history_.columns);
  }

  void add(const session::Object& object) {
    const std::vector<Era> eras = eras_of(session_, object);
    const double ended_s =
        object.ended_ns == 0 ? history_.seconds * 2 : heat::since_start(session_, object.ended_ns);
    for (std::size_t e = 0; e < eras.size(); ++e) {
      occupy(object, eras[e], e + 1 < eras.size() ? eras[e + 1].begin_s : ended_s);
    }
    if (eras.size() > 1) add_moves(object, eras);
  }

  PlacementHistory take() {
    for (auto& [key, bytes] : occupied_) {
      history_.occupancy.push_back({key.first, key.second, std::move(bytes)});
    }
    for (auto& [key, series] : moved_) history_.moves.push_back(std::move(series));
    return std::move(history_);
  }

 private:
  std::size_t column_of(double at_s) const {
    const auto column = static_cast<std::size_t>(std::max(at_s, 0.0) / column_s_);
    return std::min(column, history_.columns - 1);
  }

  void occupy(const session::Object& object, const Era& era, double end_s) {
    std::vector<double> bytes(session_.tiers.size(), 0.0);
    for (std::size_t b = 0; b < era.tiers->size(); ++b) {
      const std::uint8_t tier = (*era.tiers)[b];
      if (tier < bytes.size()) bytes[tier] += heat::bytes_of_block(object, b);
    }
    const std::string memory_class = class_word(object);
    for (std::size_t tier = 0; tier < bytes.size(); ++tier) {
      if (bytes[tier] <= 0) continue;
      std::vector<double>& series = occupied_[{tier, memory_class}];
      series.resize(history_.columns);
      for (std::size_t c = column_of(era.begin_s); c < history_.columns; ++c) {
        const double middle_s = (static_cast<double>(c) + 0.5) * column_s_;
        if (middle_s >= end_s) break;
        if (middle_s >= era.begin_s) series[c] += bytes[tier];
      }
    }
  }

  void add_moves(const session::Object& object, const std::vector<Era>& eras) {
    // Tiers that each block has been on, as a set of bits.
    std::vector<std::uint64_t> visited(object.block_tiers.size(), 0);
    for (std::size_t e = 1; e < eras.size(); ++e) {
      const Tiers& before = *eras[e - 1].tiers;
      const Tiers& after = *eras[e].tiers;
      const std::size_t blocks = std::min({before.size(), after.size(), visited.size()});
      for (std::size_t b = 0; b < blocks; ++b) {
        if (before[b] == after[b]) continue;
        if (std::max(before[b], after[b]) >= session_.tiers.size()) continue;  // given back
        visited[b] |= bit(before[b]);
        move(
            before[b], after[b], column_of(eras[e].begin_s), heat::bytes_of_block(object, b),
            (visited[b] & bit(after[b])) != 0 ? &MoveSeries::back_and_forth : &MoveSeries::one_way);
      }
    }
  }

  static std::uint64_t bit(std::uint8_t tier) { return std::uint64_t{1} << (tier & 63u); }

  void move(std::size_t from, std::size_t to, std::size_t column, double bytes,
            std::vector<double> MoveSeries::*which) {
    MoveSeries& series = moved_[{from, to}];
    if (series.one_way.empty()) {
      series.from = from;
      series.to = to;
      series.one_way.resize(history_.columns);
      series.back_and_forth.resize(history_.columns);
    }
    series.bytes += bytes;
    (series.*which)[column] += bytes;
  }

  const session::Session& session_;
  PlacementHistory history_;
  double column_s_ = 1;
  std::map<std::pair<std::size_t, std::string>, std::vector<double>> occupied_;
  std::map<std::pair<std::size_t, std::size_t>, MoveSeries> moved_;
};

}  // namespace

PlacementHistory make_placement_history(const session::Session& session, std::size_t columns) {
  HistoryBuilder builder(session, columns);
  for (const session::Object& object : session.objects) builder.add(object);
  return builder.take();
}

}  // namespace terrace::report
