// SPDX-License-Identifier: Apache-2.0
#include "allocators/topology/sysfs_reader.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <sstream>
#include <string_view>

#include "allocators/topology/parse_units.h"
#include "allocators/topology/text_file.h"

namespace terrace {
namespace {

namespace fs = std::filesystem;

/// The first whole number at or after `position`; nothing when another character but blanks comes
/// first or it does not fit.
std::optional<std::uint64_t> number_at(std::string_view text, std::size_t position = 0) {
  while (position < text.size() && (text[position] == ' ' || text[position] == '\t')) ++position;
  std::uint64_t value = 0;
  const auto parsed = std::from_chars(text.data() + position, text.data() + text.size(), value);
  if (parsed.ec != std::errc()) return std::nullopt;
  return value;
}

/// "Node 0 MemTotal:  4417748 kB" and "MemTotal: ..." alike.
std::optional<Bytes> mem_total(std::string_view meminfo) {
  constexpr std::string_view kKey = "MemTotal:";
  const std::size_t at = meminfo.find(kKey);
  if (at == std::string_view::npos) return std::nullopt;
  const auto kib = number_at(meminfo, at + kKey.size());
  if (!kib || *kib > (std::uint64_t{1} << 53)) return std::nullopt;
  return KiB(*kib);
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

/// How many numbers a list such as "0-3,8" names; 0 for one that makes no sense.
int count_listed(std::string_view list) {
  std::uint64_t count = 0;
  list = trimmed(list);
  while (!list.empty()) {
    const std::string_view item = list.substr(0, list.find(','));
    list.remove_prefix(std::min(list.size(), item.size() + 1));
    const auto first = number_at(item);
    const std::size_t dash = item.find('-');
    const auto last = dash == std::string_view::npos ? first : number_at(item, dash + 1);
    if (!first || !last || *last < *first || *last > 1u << 20) return 0;
    count += *last - *first + 1;
  }
  return static_cast<int>(std::min<std::uint64_t>(count, 1u << 20));
}

class Reader {
 public:
  explicit Reader(const std::string& root)
      : root_(root), nodes_dir_(root + "/devices/system/node"), proc_(root + "/../proc") {}

  Result<MachineFacts> read() {
    read_machine();
    if (!fs::exists(nodes_dir_)) return read_without_numa();
    auto memory = read_node_list(nodes_dir_ + "/has_memory");
    if (!memory) return memory.error();
    read_cpu_nodes();
    if (auto online = read_node_list(nodes_dir_ + "/online")) online_ = std::move(*online);
    for (const NodeId id : *memory) read_node(id);
    if (facts_.nodes.empty())
      return make_error(ErrorCode::kIo, 0, "%s: no node has memory whose size can be read",
                        nodes_dir_.c_str());
    read_memory_tiers();
    return std::move(facts_);
  }

 private:
  void note(std::string text) { facts_.notes.push_back(std::move(text)); }

  void read_machine() {
    const auto online = read_small_file(root_ + "/devices/system/cpu/online");
    if (online) facts_.hardware_threads = count_listed(*online);
    if (facts_.hardware_threads == 0)
      note("number of hardware threads: " + root_ + "/devices/system/cpu/online does not tell");
    if (const auto meminfo = read_small_file(proc_ + "/meminfo"))
      facts_.system_memory = mem_total(*meminfo).value_or(Bytes(0));
    if (const auto cpuinfo = read_small_file(proc_ + "/cpuinfo"))
      facts_.cpu_model = value_of_line(*cpuinfo, "model name");
  }

  /// "model name : X" -> "X".
  static std::string value_of_line(std::string_view text, std::string_view key) {
    const std::size_t at = text.find(key);
    const std::size_t colon = at == std::string_view::npos ? at : text.find(':', at);
    if (colon == std::string_view::npos) return {};
    return std::string(trimmed(text.substr(colon + 1, text.find('\n', colon) - colon - 1)));
  }

  /// A kernel built without NUMA has no node folder; all its memory is one node.
  Result<MachineFacts> read_without_numa() {
    if (!fs::exists(root_ + "/devices/system") || facts_.system_memory.value == 0)
      return make_error(ErrorCode::kIo, 0,
                        "%s: cannot be read; mount sysfs or give a tree that holds it",
                        nodes_dir_.c_str());
    NodeFacts node;
    node.has_cpu = true;
    node.capacity = {facts_.system_memory, Provenance::kSysfs};
    facts_.nodes.push_back(node);
    note("nodes: this kernel knows no NUMA; all memory is taken as node 0");
    return std::move(facts_);
  }

  void read_cpu_nodes() {
    auto nodes = read_node_list(nodes_dir_ + "/has_cpu");
    if (nodes) {
      cpu_nodes_ = std::move(*nodes);
    } else {
      note(std::string("which nodes have CPUs: ") + nodes.error().message);
    }
  }

  void read_node(NodeId id) {
    NodeFacts node;
    node.id = id;
    const std::string dir = nodes_dir_ + "/node" + std::to_string(raw(id));
    node.has_cpu = std::find(cpu_nodes_.begin(), cpu_nodes_.end(), id) != cpu_nodes_.end();
    const auto meminfo = read_small_file(dir + "/meminfo");
    const auto size = meminfo ? mem_total(*meminfo) : std::nullopt;
    if (!size) {
      note("node " + std::to_string(raw(id)) + ": " + dir +
           "/meminfo has no MemTotal, so its memory is left out; check that sysfs is complete");
      return;
    }
    if (size->value == 0) return;  // listed while its memory is being taken offline
    node.capacity = {*size, Provenance::kSysfs};
    node.online_blocks = online_blocks(dir);
    read_hmat(dir, node);
    node.cpu_distance = read_cpu_distance(dir);
    facts_.nodes.push_back(node);
  }

  /// Memory blocks of the node, each of the machine's block size. 0 when sysfs does not list them.
  Bytes online_blocks(const std::string& dir) const {
    const auto size_text = read_small_file(root_ + "/devices/system/memory/block_size_bytes");
    std::uint64_t block = 0;
    if (size_text) {
      const std::string_view hex = trimmed(*size_text);
      if (std::from_chars(hex.data(), hex.data() + hex.size(), block, 16).ec != std::errc())
        block = 0;
    }
    if (block == 0 || block > std::uint64_t{1} << 40) return Bytes(0);
    std::uint64_t count = 0;
    std::error_code failed;
    for (const auto& entry : fs::directory_iterator(dir, failed)) {
      const std::string name = entry.path().filename();
      if (name.starts_with("memory") && name.size() > 6 && name[6] >= '0' && name[6] <= '9') {
        const auto state = read_small_file(entry.path().string() + "/state");
        if (!state || trimmed(*state) == "online") ++count;
      }
    }
    return Bytes(count * block);
  }

  /// access0 is the best initiator of any kind, access1 the best CPU: a kernel may have only one.
  void read_hmat(const std::string& dir, NodeFacts& node) {
    for (const char* access : {"/access0", "/access1"}) {
      const std::string folder = dir + access + "/initiators/";
      const auto bandwidth = read_figure(folder + "read_bandwidth");
      const auto latency = read_figure(folder + "read_latency");
      if (bandwidth && !node.read_bandwidth.known())
        node.read_bandwidth = {GBps(static_cast<double>(*bandwidth) / 1000), Provenance::kHmat};
      if (latency && !node.read_latency.known())
        node.read_latency = {Nanoseconds(*latency), Provenance::kHmat};
    }
  }

  /// A positive figure below ten million: 10 TB/s for a node in MB/s, 10 ms in nanoseconds. More
  /// is a firmware that says nothing, or garbage.
  std::optional<std::uint64_t> read_figure(const std::string& path) {
    const auto text = read_small_file(path);
    if (!text) return std::nullopt;
    const std::string_view field = trimmed(*text);
    const auto value = number_at(field);
    const bool whole = field.find_first_not_of("0123456789") == std::string_view::npos;
    if (value && whole && *value > 0 && *value < 10000000) return value;
    note(path + ": holds \"" + std::string(field.substr(0, 20)) +
         "\", which is no figure; run `terrace calibrate` or state it in the tier file");
    return std::nullopt;
  }

  /// The file holds one distance per online node, in their order.
  std::optional<int> read_cpu_distance(const std::string& dir) const {
    const auto text = read_small_file(dir + "/distance");
    if (!text) return std::nullopt;
    std::optional<int> nearest;
    std::istringstream stream(*text);
    for (const NodeId other : online_) {
      int distance = 0;
      if (!(stream >> distance)) return std::nullopt;
      const bool cpus = std::find(cpu_nodes_.begin(), cpu_nodes_.end(), other) != cpu_nodes_.end();
      if (cpus && distance > 0 && (!nearest || distance < *nearest)) nearest = distance;
    }
    return nearest;
  }

  void read_memory_tiers() {
    std::error_code failed;
    const std::string dir = root_ + "/devices/virtual/memory_tiering";
    for (const auto& entry : fs::directory_iterator(dir, failed)) {
      constexpr std::string_view kPrefix = "memory_tier";
      const std::string name = entry.path().filename();
      if (!name.starts_with(kPrefix)) continue;
      const auto number = number_at(name, kPrefix.size());
      if (!number || *number > 1u << 20) continue;
      const auto nodes = read_node_list(entry.path().string() + "/nodelist");
      if (!nodes) {
        note(std::string("memory tier: ") + nodes.error().message);
        continue;
      }
      for (NodeFacts& node : facts_.nodes)
        if (std::find(nodes->begin(), nodes->end(), node.id) != nodes->end())
          node.memory_tier = static_cast<int>(*number);
    }
  }

  std::string root_;
  std::string nodes_dir_;
  std::string proc_;
  MachineFacts facts_;
  std::vector<NodeId> cpu_nodes_;
  std::vector<NodeId> online_;
};

}  // namespace

Result<MachineFacts> read_sysfs(const std::string& sysfs_root) {
  return Reader(sysfs_root).read();
}

}  // namespace terrace
