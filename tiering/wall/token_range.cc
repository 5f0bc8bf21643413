// SPDX-License-Identifier: Apache-2.0
#include "tiering/wall/token_range.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include "allocators/base/text.h"

namespace terrace::wall {
namespace {

constexpr std::size_t kMostValues = 64;

std::uint64_t factor_of(std::string_view suffix) {
  if (suffix.empty()) return 1;
  if (suffix == "k" || suffix == "K") return 1024;
  if (suffix == "m" || suffix == "M") return 1024 * 1024;
  return suffix == "g" || suffix == "G" ? 1024 * 1024 * 1024 : 0;
}

Status add_steps(std::vector<std::uint64_t>& values, std::uint64_t first, std::uint64_t last,
                 Steps steps) {
  for (std::uint64_t value = first; value < last;) {
    values.push_back(value);
    if (values.size() > kMostValues) break;
    value = steps == Steps::kOne || value == 0 ? value + 1 : value * 2;
  }
  values.push_back(last);
  if (values.size() <= kMostValues) return ok_status();
  return make_error(ErrorCode::kUsage, 0, "more than %zu values", kMostValues);
}

Status add_part(std::vector<std::uint64_t>& values, std::string_view part,
                const RangeLimits& limits) {
  const std::size_t dots = part.find("..");
  const auto first = parse_count(part.substr(0, dots), limits);
  if (!first.ok()) return first.error();
  if (dots == std::string_view::npos) return add_steps(values, *first, *first, limits.steps);
  const auto last = parse_count(part.substr(dots + 2), limits);
  if (!last.ok()) return last.error();
  if (*last < *first) {
    return make_error(ErrorCode::kUsage, 0, "\"%.*s\" falls; write the smaller end first",
                      shown(part), part.data());
  }
  return add_steps(values, *first, *last, limits.steps);
}

}  // namespace

Result<std::uint64_t> parse_count(std::string_view text, const RangeLimits& limits) {
  std::uint64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  const std::uint64_t factor = factor_of({stop, static_cast<std::size_t>(end - stop)});
  if (error != std::errc() || factor == 0 ||
      value > std::numeric_limits<std::uint64_t>::max() / factor) {
    return make_error(ErrorCode::kUsage, 0,
                      "\"%.*s\" is no whole number; write it like 8192, 32k or 1M", shown(text),
                      text.data());
  }
  value *= factor;
  if (value >= limits.least && value <= limits.most) return value;
  return make_error(
      ErrorCode::kUsage, 0, "%llu is outside %llu to %llu", static_cast<unsigned long long>(value),
      static_cast<unsigned long long>(limits.least), static_cast<unsigned long long>(limits.most));
}

Result<std::vector<std::uint64_t>> parse_range(std::string_view text, const RangeLimits& limits) {
  std::vector<std::uint64_t> values;
  for (std::string_view rest = text;;) {
    const std::size_t comma = rest.find(',');
    const Status added = add_part(values, rest.substr(0, comma), limits);
    if (!added.ok()) return added.error();
    if (comma == std::string_view::npos) break;
    rest.remove_prefix(comma + 1);
  }
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
  return values;
}

}  // namespace terrace::wall
