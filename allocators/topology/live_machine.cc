// SPDX-License-Identifier: Apache-2.0
#include "allocators/topology/live_machine.h"

#include <hwloc.h>
#include <numa.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "allocators/base/text.h"
#include "allocators/topology/parse_units.h"
#include "allocators/topology/text_file.h"

namespace terrace {
namespace {

using TopologyHandle =
    std::unique_ptr<std::remove_pointer_t<hwloc_topology_t>, decltype(&hwloc_topology_destroy)>;

TopologyHandle load_hwloc() {
  hwloc_topology_t topology = nullptr;
  if (hwloc_topology_init(&topology) != 0) return {nullptr, &hwloc_topology_destroy};
  TopologyHandle handle(topology, &hwloc_topology_destroy);
  if (hwloc_topology_load(topology) != 0) handle.reset();
  return handle;
}

/// The attribute's best value over all initiators, 0 when it has none: bandwidths are in MB/s and
/// latencies in nanoseconds, as the kernel gives them.
hwloc_uint64_t best_value(hwloc_topology_t topology, hwloc_obj_t node, hwloc_memattr_id_t first,
                          hwloc_memattr_id_t second) {
  for (const hwloc_memattr_id_t attribute : {first, second}) {
    hwloc_location initiator{};
    hwloc_uint64_t value = 0;
    if (hwloc_memattr_get_best_initiator(topology, attribute, node, 0, &initiator, &value) == 0 &&
        value > 0)
      return value;
  }
  return 0;
}

/// hwloc 2.9 reads the figures from the same files as we do, and shows none for a node of a CXL
/// device, which the kernel lists no initiators for: it is asked only where sysfs told nothing.
void overlay_node(hwloc_topology_t topology, hwloc_obj_t object, NodeFacts& node) {
  if (object->attr->numanode.local_memory > 0)
    node.capacity = {Bytes(object->attr->numanode.local_memory), Provenance::kSysfs};
  const auto bandwidth =
      best_value(topology, object, HWLOC_MEMATTR_ID_READ_BANDWIDTH, HWLOC_MEMATTR_ID_BANDWIDTH);
  if (bandwidth > 0 && !node.read_bandwidth.known())
    node.read_bandwidth = {GBps(static_cast<double>(bandwidth) / 1000), Provenance::kHmat};
  const auto latency =
      best_value(topology, object, HWLOC_MEMATTR_ID_READ_LATENCY, HWLOC_MEMATTR_ID_LATENCY);
  if (latency > 0 && !node.read_latency.known())
    node.read_latency = {Nanoseconds(latency), Provenance::kHmat};
}

void overlay_hwloc(MachineFacts& facts) {
  const TopologyHandle topology = load_hwloc();
  if (!topology) {
    facts.notes.push_back("hwloc: cannot read this machine; sysfs alone was used");
    return;
  }
  if (const int threads = hwloc_get_nbobjs_by_type(topology.get(), HWLOC_OBJ_PU); threads > 0)
    facts.hardware_threads = threads;
  if (hwloc_obj_t package = hwloc_get_obj_by_type(topology.get(), HWLOC_OBJ_PACKAGE, 0))
    if (const char* model = hwloc_obj_get_info_by_name(package, "CPUModel"))
      facts.cpu_model = model;
  for (hwloc_obj_t object = nullptr;
       (object = hwloc_get_next_obj_by_type(topology.get(), HWLOC_OBJ_NUMANODE, object));)
    for (NodeFacts& node : facts.nodes)
      if (raw(node.id) == static_cast<int>(object->os_index))
        overlay_node(topology.get(), object, node);
}

/// From /proc and not by libnuma: containers refuse get_mempolicy, which libnuma takes for "none".
std::vector<NodeId> allowed_nodes() {
  constexpr std::string_view kKey = "Mems_allowed_list:";
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (!std::string_view(line).starts_with(kKey)) continue;
    auto nodes = parse_node_list(trimmed(std::string_view(line).substr(kKey.size())));
    if (nodes) return std::move(*nodes);
  }
  return {};
}

void drop_forbidden_nodes(MachineFacts& facts) {
  const std::vector<NodeId> allowed = allowed_nodes();
  if (allowed.empty()) return;  // a kernel without cpusets: all of them
  std::erase_if(facts.nodes, [&](const NodeFacts& node) {
    if (std::find(allowed.begin(), allowed.end(), node.id) != allowed.end()) return false;
    facts.notes.push_back("node " + std::to_string(raw(node.id)) +
                          ": outside this process's cpuset, so it is left out; widen cpuset.mems "
                          "to use it");
    return true;
  });
}

void overlay_distances(const std::vector<NodeId>& cpu_nodes, NodeFacts& node) {
  for (const NodeId cpus : cpu_nodes) {
    const int distance = numa_distance(raw(node.id), raw(cpus));
    if (distance <= 0) continue;
    node.cpu_distances.push_back({cpus, distance});
    node.cpu_distance = std::min(node.cpu_distance.value_or(distance), distance);
  }
}

void overlay_libnuma(MachineFacts& facts) {
  if (numa_available() < 0) {
    facts.notes.push_back("libnuma: this kernel offers no memory policy; pages cannot be bound");
    return;
  }
  drop_forbidden_nodes(facts);
  for (NodeFacts& node : facts.nodes) {
    if (!node.capacity.known()) {
      const long long size = numa_node_size64(raw(node.id), nullptr);
      if (size > 0) node.capacity = {Bytes(static_cast<std::uint64_t>(size)), Provenance::kSysfs};
    }
    if (node.cpu_distances.empty()) overlay_distances(facts.cpu_nodes, node);
  }
}

/// A device that this user may not open is memory that this process may not use, as a node outside
/// its cpuset is; it stays part of the machine.
void mark_closed_devices(MachineFacts& facts) {
  for (DaxDevice& device : facts.dax) {
    if (device.driver != DaxDriver::kDeviceDax) continue;
    const std::string path = "/dev/" + device.name;
    device.may_open = std::fstream(path, std::ios::in | std::ios::out | std::ios::binary).is_open();
    if (!device.may_open)
      facts.notes.push_back(device.name + ": " + path + " cannot be opened for reading and " +
                            "writing by this user, so it is left out; change its owner or mode");
  }
}

void measure_mounts(MachineFacts& facts) {
  for (DaxMount& mount : facts.mounts) {
    std::error_code failed;
    const auto space = std::filesystem::space(mount.folder, failed);
    if (!failed) mount.free = {Bytes(space.available), Provenance::kSysfs};
  }
}

}  // namespace

void overlay_live_machine(MachineFacts& facts) {
  overlay_hwloc(facts);
  overlay_libnuma(facts);
  mark_closed_devices(facts);
  measure_mounts(facts);
}

}  // namespace terrace
