// SPDX-License-Identifier: Apache-2.0
#include "allocators/topology/sysfs_text.h"

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "allocators/base/text.h"
#include "allocators/topology/parse_units.h"
#include "allocators/topology/text_file.h"

namespace terrace {
namespace {

/// A positive figure below ten million: 10 TB/s for a node in MB/s, 10 ms in nanoseconds. More
/// is a firmware that says nothing, or garbage.
std::optional<std::uint64_t> read_figure(const std::string& path, AccessFigures& figures) {
  const auto text = read_small_file(path);
  if (!text) return std::nullopt;
  const std::string_view field = trimmed(*text);
  const auto value = number_at(field);
  const bool whole = field.find_first_not_of("0123456789") == std::string_view::npos;
  if (value && whole && *value > 0 && *value < 10000000) return value;
  figures.notes.push_back(path + ": holds \"" + std::string(field.substr(0, 20)) +
                          "\", which is no figure; run `terrace calibrate` or state it in the tier "
                          "file");
  return std::nullopt;
}

void read_initiators(const std::string& folder, AccessFigures& figures) {
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator(folder, failed))
    if (const auto node = numbered_name(entry.path().filename().string(), "node"))
      figures.initiators.push_back(*node);
  std::sort(figures.initiators.begin(), figures.initiators.end());
}

}  // namespace

std::optional<std::uint64_t> number_at(std::string_view text, std::size_t position) {
  while (position < text.size() && (text[position] == ' ' || text[position] == '\t')) ++position;
  std::uint64_t value = 0;
  const auto parsed = std::from_chars(text.data() + position, text.data() + text.size(), value);
  if (parsed.ec != std::errc()) return std::nullopt;
  return value;
}

std::optional<std::uint64_t> read_number(const std::string& path) {
  const auto text = read_small_file(path);
  if (!text) return std::nullopt;
  const std::string_view field = trimmed(*text);
  if (field.find_first_not_of("0123456789") != std::string_view::npos) return std::nullopt;
  return number_at(field);
}

Result<std::vector<NodeId>> read_node_list(const std::string& path) {
  const auto text = read_small_file(path);
  if (!text)
    return make_error(ErrorCode::kIo, 0, "%s: cannot be read; is it a sysfs tree?", path.c_str());
  const std::string_view list = trimmed(*text);
  if (list.empty()) return std::vector<NodeId>();
  auto nodes = parse_node_list(list);
  if (!nodes) return make_error(ErrorCode::kIo, 0, "%s: %s", path.c_str(), nodes.error().message);
  return nodes;
}

std::optional<NodeId> numbered_name(std::string_view name, std::string_view prefix) {
  if (!name.starts_with(prefix)) return std::nullopt;
  name.remove_prefix(prefix.size());
  if (name.empty() || name.find_first_not_of("0123456789") != std::string_view::npos)
    return std::nullopt;
  const auto number = number_at(name);
  if (!number || *number > 1023) return std::nullopt;
  return NodeId(static_cast<std::int32_t>(*number));
}

AccessFigures read_access(const std::string& folder, const std::string& below, Provenance from) {
  AccessFigures figures;
  for (const char* access : {"/access1", "/access0"}) {
    const std::string place = folder + access + below;
    const auto bandwidth = read_figure(place + "/read_bandwidth", figures);
    const auto latency = read_figure(place + "/read_latency", figures);
    if (bandwidth && !figures.read_bandwidth.known())
      figures.read_bandwidth = {GBps(static_cast<double>(*bandwidth) / 1000), from};
    if (latency && !figures.read_latency.known())
      figures.read_latency = {Nanoseconds(*latency), from};
    if ((bandwidth || latency) && figures.initiators.empty()) read_initiators(place, figures);
  }
  return figures;
}

}  // namespace terrace
