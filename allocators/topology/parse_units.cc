// SPDX-License-Identifier: Apache-2.0
#include "allocators/topology/parse_units.h"

#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <optional>

#include "allocators/base/text.h"

namespace terrace {
namespace {

struct NamedScale {
  std::string_view name;  // lower case
  double scale;
};

constexpr double kKi = 1024;
constexpr double kMi = kKi * 1024;
constexpr double kGi = kMi * 1024;
constexpr double kTi = kGi * 1024;

constexpr auto kSizeUnits = std::to_array<NamedScale>({
    {"b", 1},
    {"k", kKi},
    {"kib", kKi},
    {"kb", 1e3},
    {"m", kMi},
    {"mib", kMi},
    {"mb", 1e6},
    {"g", kGi},
    {"gib", kGi},
    {"gb", 1e9},
    {"t", kTi},
    {"tib", kTi},
    {"tb", 1e12},
});

constexpr auto kTimeUnits = std::to_array<NamedScale>({
    {"ns", 1},
    {"us", 1e3},
    {"\xc2\xb5s", 1e3},
    {"ms", 1e6},
    {"s", 1e9},
    {"min", 60e9},
});

struct Quantity {
  double value = 0;
  std::optional<std::uint64_t> exact;  // set when the text before the unit is a whole number
  std::string_view unit;               // what follows, blanks removed
};

bool equals_ignoring_case(std::string_view text, std::string_view lower) {
  if (text.size() != lower.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i)
    if (static_cast<char>(std::tolower(static_cast<unsigned char>(text[i]))) != lower[i])
      return false;
  return true;
}

/// The scale of a unit's name; nothing for an unknown one.
std::optional<double> scale_of(std::string_view name, std::span<const NamedScale> units) {
  for (const NamedScale& unit : units)
    if (equals_ignoring_case(name, unit.name)) return unit.scale;
  return std::nullopt;
}

/// Splits "1.5 GiB" into number and unit; nothing when it does not start with a digit, which also
/// keeps out signs, "inf" and "nan". Exponents are no part of the notation.
std::optional<Quantity> split(std::string_view text) {
  text = trimmed(text);
  if (text.empty() || !std::isdigit(static_cast<unsigned char>(text.front()))) return std::nullopt;
  const char* const end = text.data() + text.size();
  Quantity quantity;
  const auto parsed = std::from_chars(text.data(), end, quantity.value, std::chars_format::fixed);
  if (parsed.ec != std::errc()) return std::nullopt;
  std::uint64_t whole = 0;
  const auto as_whole = std::from_chars(text.data(), parsed.ptr, whole);
  if (as_whole.ec == std::errc() && as_whole.ptr == parsed.ptr) quantity.exact = whole;
  quantity.unit = trimmed({parsed.ptr, static_cast<std::size_t>(end - parsed.ptr)});
  return quantity;
}

/// value x scale as a 64-bit count; nothing when it does not fit.
std::optional<std::uint64_t> scaled(const Quantity& quantity, double scale) {
  if (quantity.exact) {  // exact beyond 2^53
    std::uint64_t product = 0;
    if (__builtin_mul_overflow(*quantity.exact, static_cast<std::uint64_t>(scale), &product))
      return std::nullopt;
    return product;
  }
  const double product = std::round(quantity.value * scale);
  if (!(product < 18446744073709551616.0)) return std::nullopt;
  return static_cast<std::uint64_t>(product);
}

Error bad_node_list(std::string_view text, const char* why) {
  return make_error(ErrorCode::kUsage, 0, "\"%.*s\" is no node list: %s; write it like \"0-1,3\"",
                    shown(text), text.data(), why);
}

constexpr std::uint32_t kMaxNode = 1023;

struct NodeRange {
  std::uint32_t first = 0;
  std::uint32_t last = 0;
};

std::optional<NodeRange> parse_range(std::string_view item) {
  item = trimmed(item);
  const char* const end = item.data() + item.size();
  NodeRange range;
  auto parsed = std::from_chars(item.data(), end, range.first);
  if (parsed.ec != std::errc()) return std::nullopt;
  range.last = range.first;
  if (parsed.ptr != end) {
    if (*parsed.ptr != '-') return std::nullopt;
    parsed = std::from_chars(parsed.ptr + 1, end, range.last);
    if (parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
  }
  return range;
}

/// Marks the nodes that a plain list names.
Result<std::array<bool, kMaxNode + 1>> mark_nodes(std::string_view text) {
  std::array<bool, kMaxNode + 1> marks{};
  std::string_view rest = text;
  for (bool more = true; more;) {
    const std::size_t comma = rest.find(',');
    const auto range = parse_range(rest.substr(0, comma));
    if (!range) return bad_node_list(text, "it needs node numbers, ranges and commas");
    if (range->last < range->first) return bad_node_list(text, "a range ends before it starts");
    if (range->last > kMaxNode) return bad_node_list(text, "node numbers end at 1023");
    for (std::uint32_t node = range->first; node <= range->last; ++node) marks[node] = true;
    more = comma != std::string_view::npos;
    if (more) rest.remove_prefix(comma + 1);
  }
  return marks;
}

/// "+list": positions within `available`.
Result<std::vector<NodeId>> pick_relative(std::string_view text, const std::vector<NodeId>& wanted,
                                          std::span<const NodeId> available) {
  std::vector<NodeId> nodes;
  for (const NodeId position : wanted) {
    if (static_cast<std::size_t>(raw(position)) >= available.size())
      return make_error(ErrorCode::kUsage, 0, "\"%.*s\": position %d, but there are %zu nodes",
                        shown(text), text.data(), raw(position), available.size());
    nodes.push_back(available[static_cast<std::size_t>(raw(position))]);
  }
  return nodes;
}

bool contains(std::span<const NodeId> nodes, NodeId node) {
  for (const NodeId candidate : nodes)
    if (candidate == node) return true;
  return false;
}

Result<std::vector<NodeId>> check_present(std::string_view text, std::vector<NodeId> nodes,
                                          std::span<const NodeId> available) {
  for (const NodeId node : nodes)
    if (!contains(available, node))
      return make_error(ErrorCode::kUsage, 0,
                        "\"%.*s\": this machine has no memory node %d; `numactl -H` lists them",
                        shown(text), text.data(), raw(node));
  return nodes;
}

}  // namespace

Result<Bytes> parse_size(std::string_view text) {
  const auto quantity = split(text);
  const auto scale = !quantity
                         ? std::nullopt
                         : scale_of(quantity->unit.empty() ? "b" : quantity->unit, kSizeUnits);
  if (!scale)
    return make_error(ErrorCode::kUsage, 0,
                      "\"%.*s\" is no size; write it like \"4GiB\", \"512M\" (powers of 1024) or "
                      "\"4GB\" (powers of 1000)",
                      shown(text), text.data());
  const auto bytes = scaled(*quantity, *scale);
  if (!bytes)
    return make_error(ErrorCode::kUsage, 0,
                      "size \"%.*s\" does not fit 64 bits; give a smaller one", shown(text),
                      text.data());
  return Bytes(*bytes);
}

Result<GBps> parse_bandwidth(std::string_view text) {
  const auto quantity = split(text);
  std::string_view unit = quantity ? quantity->unit : std::string_view();
  std::optional<double> scale;
  if (unit.size() > 2 && equals_ignoring_case(unit.substr(unit.size() - 2), "/s"))
    scale = scale_of(trimmed(unit.substr(0, unit.size() - 2)), kSizeUnits);
  if (!scale)
    return make_error(ErrorCode::kUsage, 0,
                      "\"%.*s\" is no bandwidth; write it like \"2.3GB/s\" or \"800MB/s\"",
                      shown(text), text.data());
  const double gb_per_second = quantity->value * *scale / 1e9;
  if (!(gb_per_second > 0))
    return make_error(ErrorCode::kUsage, 0,
                      "bandwidth \"%.*s\" must be above zero, as in \"2.3GB/s\"", shown(text),
                      text.data());
  return GBps(gb_per_second);
}

Result<Nanoseconds> parse_duration(std::string_view text) {
  const auto quantity = split(text);
  const auto scale = quantity ? scale_of(quantity->unit, kTimeUnits) : std::nullopt;
  if (!scale)
    return make_error(ErrorCode::kUsage, 0,
                      "\"%.*s\" is no duration; write it like \"250ns\", \"1.5us\", \"4ms\" or "
                      "\"10s\"",
                      shown(text), text.data());
  const auto nanoseconds = scaled(*quantity, *scale);
  if (!nanoseconds)
    return make_error(ErrorCode::kUsage, 0,
                      "duration \"%.*s\" does not fit 64 bits of nanoseconds; give a shorter one",
                      shown(text), text.data());
  return Nanoseconds(*nanoseconds);
}

Result<std::vector<NodeId>> parse_node_list(std::string_view text) {
  const auto marks = mark_nodes(text);
  if (!marks) return marks.error();
  std::vector<NodeId> nodes;
  for (std::uint32_t node = 0; node <= kMaxNode; ++node)
    if ((*marks)[node]) nodes.push_back(static_cast<NodeId>(node));
  return nodes;
}

Result<std::vector<NodeId>> parse_node_list(std::string_view text,
                                            std::span<const NodeId> available) {
  const std::string_view form = trimmed(text);
  if (form == "all") return std::vector<NodeId>(available.begin(), available.end());
  const bool excludes = !form.empty() && form.front() == '!';
  const bool relative = !form.empty() && form.front() == '+';
  auto listed = parse_node_list(excludes || relative ? form.substr(1) : form);
  if (!listed) return listed.error();
  if (relative) return pick_relative(text, *listed, available);
  if (!excludes) return check_present(text, std::move(*listed), available);
  std::vector<NodeId> rest;
  for (const NodeId node : available)
    if (!contains(*listed, node)) rest.push_back(node);
  if (rest.empty()) return bad_node_list(text, "it excludes every node");
  return rest;
}

}  // namespace terrace
