// SPDX-License-Identifier: Apache-2.0
#include "profiler/report/names.h"

#include <algorithm>
#include <array>
#include <map>
#include <vector>

#include "allocators/base/count_of.h"
#include "allocators/base/show_bytes.h"
#include "profiler/report/words.h"

namespace terrace::report {
namespace {

using nlohmann::json;
using session::MemoryClass;

constexpr double kGiga = 1e9;
constexpr double kMega = 1e6;

struct Row {
  const heat::ObjectHeat* object;
  const heat::NamedHeat* named;
};

/// Hottest first; by name where heat is equal, so that two reports of one session are alike.
std::vector<Row> rows_of(const heat::HeatMap& map) {
  std::vector<Row> rows;
  for (const heat::ObjectHeat& object : map.objects) {
    for (const heat::NamedHeat& named : object.names) rows.push_back({&object, &named});
  }
  std::stable_sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) {
    if (a.named->bytes_per_second != b.named->bytes_per_second) {
      return a.named->bytes_per_second > b.named->bytes_per_second;
    }
    return a.named->range.name < b.named->range.name;
  });
  return rows;
}

struct Sum {
  double bytes = 0;
  double bytes_per_second = 0;

  void add(const heat::NamedHeat& named) {
    bytes += static_cast<double>(named.range.size.value);
    bytes_per_second += named.bytes_per_second;
  }
};

using ClassSums = std::array<Sum, session::kLastMemoryClass + 1>;

ClassSums sums_by_class(const heat::HeatMap& map) {
  ClassSums sums;
  Sum& unknown = sums[0];
  for (const heat::ObjectHeat& object : map.objects) {
    Sum named;
    for (const heat::NamedHeat& part : object.names) {
      sums[static_cast<std::size_t>(part.range.memory_class)].add(part);
      named.add(part);
    }
    const auto size = static_cast<double>(object.key.size_bytes);
    unknown.bytes += std::max(0.0, size - named.bytes);
    unknown.bytes_per_second += std::max(0.0, object.bytes_per_second() - named.bytes_per_second);
  }
  return sums;
}

std::map<std::int32_t, Sum> sums_by_layer(const heat::HeatMap& map) {
  std::map<std::int32_t, Sum> sums;
  for (const Row& row : rows_of(map)) {
    const std::int32_t layer = session::layer_in(row.named->range.name);
    if (layer >= 0) sums[layer].add(*row.named);
  }
  return sums;
}

json number_or_null(std::int32_t number) {
  return number >= 0 ? json(number) : json();
}

json tensor_json(const heat::HeatMap& map, const Row& row) {
  const session::NamedRange& range = row.named->range;
  const double rate = row.named->bytes_per_second;
  return {{"name", printable(range.name)},
          {"class", name_of(range.memory_class)},
          {"layer", number_or_null(session::layer_in(range.name))},
          {"expert", number_or_null(session::expert_in(range.name))},
          {"how", name_of(range.how)},
          {"confidence", range.confidence / 100.0},
          {"site", format("%016llx", static_cast<unsigned long long>(row.object->key.site_hash))},
          {"ordinal", row.object->key.ordinal},
          {"first_byte", range.first_byte},
          {"address", row.object->base_address + range.first_byte},
          {"size_bytes", range.size.value},
          {"bytes_per_second", rate},
          {"bytes_per_step", map.step_seconds > 0 ? json(rate * map.step_seconds) : json()},
          {"source", row.object->source},
          {"relative_error", row.named->relative_error},
          {"tier_bytes", row.named->tier_bytes}};
}

class NamesText {
 public:
  NamesText(const heat::HeatMap& map, std::size_t width) : map_(map), width_(width) {}

  std::string render(std::size_t max_tensors) {
    const std::vector<Row> rows = rows_of(map_);
    if (rows.empty()) return {};
    line(figures_head() + right("error", 8) + right("sure", 6) + "  " + left("class", 11) + "name");
    const std::size_t shown = std::min(rows.size(), max_tensors);
    for (std::size_t i = 0; i < shown; ++i) tensor(*rows[i].named);
    if (shown < rows.size()) line("  " + count_of(rows.size() - shown, "more name") + ": --json");
    line("");
    classes();
    layers();
    return std::move(text_);
  }

 private:
  void line(std::string_view content) { text_ += line_of(content, width_); }

  static std::string figures_head() {
    return right("size", 9) + right("GB/s", 8) + right("MB/step", 9);
  }

  std::string figures(double bytes, double rate) const {
    return right(show_bytes(Bytes(static_cast<std::uint64_t>(bytes))), 9) +
           right(digits(rate / kGiga), 8) +
           right(map_.step_seconds > 0 ? digits(rate * map_.step_seconds / kMega) : "-", 9);
  }

  void tensor(const heat::NamedHeat& named) {
    const bool cold = named.bytes_per_second <= 0;
    const std::string error = cold                       ? "-"
                              : named.relative_error > 0 ? percent(named.relative_error)
                                                         : "exact";
    line(figures(static_cast<double>(named.range.size.value), named.bytes_per_second) +
         right(error, 8) + right(format("%d %%", named.range.confidence), 6) + "  " +
         left(name_of(named.range.memory_class), 11) + printable(named.range.name));
  }

  void classes() {
    line(figures_head() + "  class");
    const ClassSums sums = sums_by_class(map_);
    for (std::size_t i = 0; i < sums.size(); ++i) {
      if (sums[i].bytes <= 0) continue;
      line(figures(sums[i].bytes, sums[i].bytes_per_second) + "  " +
           std::string(name_of(static_cast<MemoryClass>(i))));
    }
  }

  /// Layers that are alike are one line.
  void layers() {
    const auto sums = sums_by_layer(map_);
    if (sums.empty()) return;
    line("");
    line(figures_head() + "  layer");
    for (auto at = sums.begin(); at != sums.end();) {
      const auto first = at++;
      while (at != sums.end() && alike(first->second, at->second)) ++at;
      const std::int32_t last = std::prev(at)->first;
      const std::string which = last == first->first
                                    ? format("%d", last)
                                    : format("%d to %d, each about", first->first, last);
      line(figures(first->second.bytes, first->second.bytes_per_second) + "  " + which);
    }
  }

  static bool alike(const Sum& a, const Sum& b) {
    constexpr double kSame = 0.05;
    return std::abs(a.bytes - b.bytes) <= kSame * a.bytes &&
           std::abs(a.bytes_per_second - b.bytes_per_second) <= kSame * a.bytes_per_second;
  }

  const heat::HeatMap& map_;
  const std::size_t width_;
  std::string text_;
};

}  // namespace

json tensors_json(const heat::HeatMap& map) {
  json tensors = json::array();
  for (const Row& row : rows_of(map)) tensors.push_back(tensor_json(map, row));
  return tensors;
}

json classes_json(const heat::HeatMap& map) {
  json classes = json::array();
  const ClassSums sums = sums_by_class(map);
  for (std::size_t i = 0; i < sums.size(); ++i) {
    if (sums[i].bytes <= 0) continue;
    classes.push_back({{"class", name_of(static_cast<MemoryClass>(i))},
                       {"bytes", sums[i].bytes},
                       {"bytes_per_second", sums[i].bytes_per_second}});
  }
  return classes;
}

std::string names_text(const heat::HeatMap& map, std::size_t width, std::size_t max_tensors) {
  return NamesText(map, width).render(max_tensors);
}

}  // namespace terrace::report
