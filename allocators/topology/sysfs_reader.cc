// SPDX-License-Identifier: Apache-2.0
#include "allocators/topology/sysfs_reader.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <sstream>
#include <string_view>

#include "allocators/base/text.h"
#include "allocators/topology/dax_mounts.h"
#include "allocators/topology/dax_reader.h"
#include "allocators/topology/sysfs_text.h"
#include "allocators/topology/text_file.h"

namespace terrace {
namespace {

namespace fs = std::filesystem;

/// "Node 0 MemTotal:  4417748 kB" and "MemTotal: ..." alike.
std::optional<Bytes> mem_total(std::string_view meminfo) {
  constexpr std::string_view kKey = "MemTotal:";
  const std::size_t at = meminfo.find(kKey);
  if (at == std::string_view::npos) return std::nullopt;
  const auto kib = number_at(meminfo, at + kKey.size());
  if (!kib || *kib > (std::uint64_t{1} << 53)) return std::nullopt;
  return KiB(*kib);
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
    read_dax();
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
    facts_.cpu_nodes = {node.id};
    note("nodes: this kernel knows no NUMA; all memory is taken as node 0");
    return std::move(facts_);
  }

  void read_cpu_nodes() {
    auto nodes = read_node_list(nodes_dir_ + "/has_cpu");
    if (nodes) {
      facts_.cpu_nodes = std::move(*nodes);
    } else {
      note(std::string("which nodes have CPUs: ") + nodes.error().message);
    }
  }

  void read_node(NodeId id) {
    NodeFacts node;
    node.id = id;
    const std::string dir = nodes_dir_ + "/node" + std::to_string(raw(id));
    node.has_cpu = is_cpu_node(id);
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
    read_figures(dir, node);
    read_cpu_distances(dir, node);
    const auto weight = read_number(root_ + "/kernel/mm/mempolicy/weighted_interleave/node" +
                                    std::to_string(raw(id)));
    if (weight && *weight > 0 && *weight <= 255) node.interleave_weight = static_cast<int>(*weight);
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

  void read_figures(const std::string& dir, NodeFacts& node) {
    AccessFigures figures = read_access(dir, "/initiators", Provenance::kHmat);
    node.read_bandwidth = figures.read_bandwidth;
    node.read_latency = figures.read_latency;
    node.initiators = std::move(figures.initiators);
    for (std::string& text : figures.notes) note(std::move(text));
  }

  /// The file holds one distance per online node, in their order.
  void read_cpu_distances(const std::string& dir, NodeFacts& node) const {
    const auto text = read_small_file(dir + "/distance");
    std::istringstream stream(text.value_or(std::string()));
    for (const NodeId other : online_) {
      int distance = 0;
      if (!(stream >> distance)) break;
      if (is_cpu_node(other) && distance > 0) node.cpu_distances.push_back({other, distance});
    }
    for (const CpuDistance& to : node.cpu_distances)
      node.cpu_distance = std::min(node.cpu_distance.value_or(to.distance), to.distance);
  }

  bool is_cpu_node(NodeId id) const {
    return std::find(facts_.cpu_nodes.begin(), facts_.cpu_nodes.end(), id) !=
           facts_.cpu_nodes.end();
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

  void read_dax() {
    DaxFindings found = read_dax_devices(root_);
    for (std::string& text : found.notes) note(std::move(text));
    facts_.dax = std::move(found.devices);
    for (const DaxDevice& device : facts_.dax) {
      if (device.driver == DaxDriver::kNone)
        note(device.name +
             ": no driver makes it usable; `daxctl reconfigure-device --mode=devdax " +
             device.name + "`");
      if (device.driver == DaxDriver::kKmem) join_node(device);
      if (device.driver == DaxDriver::kDeviceDax && device.align > kBlockBytes)
        note(device.name + ": is mapped in units larger than our blocks of 2 MiB, so it is left " +
             "out; make it anew with an alignment of 2 MiB (`ndctl create-namespace --align`, " +
             "`daxctl create-device --align`)");
    }
    facts_.mounts = read_dax_mounts(root_, proc_);
  }

  /// The kernel made the device's memory pages of a node: they are of the device's kind, whatever
  /// the firmware's tables say or leave out. Figures of a node behind a CXL region are the ones
  /// that the kernel added up from the device's CDAT (Linux 6.10 on).
  void join_node(const DaxDevice& device) {
    const auto node =
        std::find_if(facts_.nodes.begin(), facts_.nodes.end(),
                     [&](const NodeFacts& known) { return device.target_node == known.id; });
    if (node == facts_.nodes.end())
      return note(device.name + ": its memory is not online; `daxctl online-memory " + device.name +
                  "`");
    const bool first = node->devices.empty();
    node->devices.push_back(device.name);
    if (node->has_cpu)
      return note("node " + std::to_string(raw(node->id)) + ": holds the memory of " + device.name +
                  " (" + name_of(device.kind) + ") beside its own, which cannot be told apart; " +
                  "use the device as devdax, or give it a node in the firmware's tables");
    if (!first && node->device_kind != device.kind) {
      note("node " + std::to_string(raw(node->id)) +
           ": its devices are of different kinds; state " + "its kind in the tier file");
      node->device_kind = TierKind::kUnknown;
      return;
    }
    node->device_kind = device.kind;
    adopt(device.read_bandwidth, node->read_bandwidth);
    adopt(device.read_latency, node->read_latency);
  }

  /// The node's own value counts all its devices; it is the kernel's sum when the region has one.
  template <typename T>
  static void adopt(const Figure<T>& device, Figure<T>& node) {
    if (!node.known()) node = device;
    if (device.from == Provenance::kCdat) node.from = device.from;
  }

  std::string root_;
  std::string nodes_dir_;
  std::string proc_;
  MachineFacts facts_;
  std::vector<NodeId> online_;
};

}  // namespace

Result<MachineFacts> read_sysfs(const std::string& sysfs_root) {
  return Reader(sysfs_root).read();
}

}  // namespace terrace
