// SPDX-License-Identifier: Apache-2.0
#include "tiering/wall/points_file.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>

#include "allocators/base/number_of.h"
#include "allocators/topology/text_file.h"

namespace terrace::wall {
namespace {

using Fields = std::vector<std::string>;

constexpr std::size_t kMaxPoints = 100000;

enum Column : std::size_t { kHardware, kPeak, kModel, kQuant, kGib, kContext, kSpeed, kSource };
constexpr std::array<std::string_view, 8> kNames = {"hardware", "peak_gbps", "model", "quant",
                                                    "gib",      "context",   "tok_s", "source"};

struct Place {
  const std::string& file;
  std::size_t line;
};

Error bad(const Place& place, const std::string& reason) {
  return make_error(ErrorCode::kUsage, 0, "%.120s:%zu: %.180s", place.file.c_str(), place.line,
                    reason.c_str());
}

std::string quoted(std::string_view text) {
  return "\"" + std::string(text.substr(0, 60)) + "\"";
}

/// Fields of a line; a field in double quotes may hold commas, and quotes when doubled. Nothing:
/// a quote is never closed.
std::optional<Fields> split(std::string_view line) {
  Fields fields(1);
  bool inside = false;
  for (std::size_t at = 0; at < line.size(); ++at) {
    const char c = line[at];
    if (inside && c == '"' && at + 1 < line.size() && line[at + 1] == '"') {
      fields.back() += '"';
      ++at;
    } else if (c == '"') {
      inside = !inside;
    } else if (c == ',' && !inside) {
      fields.emplace_back();
    } else {
      fields.back() += c;
    }
  }
  if (inside) return std::nullopt;
  return fields;
}

/// Where each of kNames stands in the header.
Result<std::array<std::size_t, kNames.size()>> columns_of(const Fields& header,
                                                          const Place& place) {
  std::array<std::size_t, kNames.size()> columns{};
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    const auto found = std::find(header.begin(), header.end(), kNames[i]);
    if (found == header.end())
      return bad(place, "the header lacks the column \"" + std::string(kNames[i]) +
                            "\"; it is hardware,peak_gbps,model,quant,gib,context,tok_s,source");
    columns[i] = static_cast<std::size_t>(found - header.begin());
  }
  return columns;
}

class RowReader {
 public:
  RowReader(const Fields& fields, const std::array<std::size_t, kNames.size()>& columns,
            const Place& place)
      : fields_(fields), columns_(columns), place_(place) {}

  Result<PointRow> read() {
    PointRow row;
    row.line = place_.line;
    row.hardware = field(kHardware);
    row.model = field(kModel);
    row.quant = field(kQuant);
    row.source = field(kSource);
    for (const Column column : {kHardware, kModel, kQuant}) {
      if (field(column).empty()) return bad(place_, "no " + std::string(kNames[column]));
    }
    take(kPeak, 1, row.peak_gbps);
    take(kSpeed, 1, row.tokens_per_second);
    if (!field(kGib).empty()) take(kGib, 1, row.file_gib);
    if (!field(kContext).empty()) take(kContext, 0, row.context);
    if (wrong_) return *wrong_;
    return row;
  }

 private:
  const std::string& field(Column column) const { return fields_[columns_[column]]; }

  /// A finite number: above zero where `least` is 1, at least zero where it is 0.
  void take(Column column, int least, double& into) {
    const std::optional<double> value = number_of<double>(field(column));
    if (value && (least == 0 ? *value >= 0 : *value > 0)) {
      into = *value;
    } else if (!wrong_) {
      wrong_ = bad(place_, std::string(kNames[column]) + " is " + quoted(field(column)) +
                               (least == 0 ? ", no number from 0" : ", no number above 0"));
    }
  }

  const Fields& fields_;
  const std::array<std::size_t, kNames.size()>& columns_;
  const Place& place_;
  std::optional<Error> wrong_;
};

std::string_view next_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

}  // namespace

Result<std::vector<PointRow>> parse_points(std::string_view text, const std::string& name) {
  std::vector<PointRow> rows;
  std::optional<std::array<std::size_t, kNames.size()>> columns;
  std::size_t header_fields = 0;
  for (Place place{name, 1}; !text.empty(); ++place.line) {
    const std::string_view line = next_line(text);
    if (line.empty() || line.front() == '#') continue;
    const std::optional<Fields> fields = split(line);
    if (!fields) return bad(place, "a double quote is not closed");
    if (!columns) {
      const auto found = columns_of(*fields, place);
      if (!found.ok()) return found.error();
      columns = *found;
      header_fields = fields->size();
      continue;
    }
    if (fields->size() != header_fields)
      return bad(place, std::to_string(fields->size()) + " fields where the header has " +
                            std::to_string(header_fields));
    Result<PointRow> row = RowReader(*fields, *columns, place).read();
    if (!row.ok()) return row.error();
    rows.push_back(std::move(*row));
    if (rows.size() > kMaxPoints) return bad(place, "more than 100000 points");
  }
  if (rows.empty()) return bad({name, 1}, "no points in the file");
  return rows;
}

Result<std::vector<PointRow>> read_points(const std::string& path) {
  const std::optional<std::string> text = read_small_file(path);
  if (text) return parse_points(*text, path);
  return make_error(ErrorCode::kIo, errno, "%.200s: cannot be read: %s; check its path and rights",
                    path.c_str(), std::strerror(errno));
}

}  // namespace terrace::wall
