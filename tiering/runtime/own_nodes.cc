// SPDX-License-Identifier: Apache-2.0
#include "tiering/runtime/own_nodes.h"

#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "allocators/os/files.h"
#include "tiering/runtime/flat_plan.h"

namespace terrace::runtime {
namespace {

constexpr std::size_t kPath = 400;

constinit OwnNode nodes[kMaxNodes] = {};

/// A whole decimal number and nothing else; 0 for other text, which no figure here may be.
std::uint64_t whole_number(const char* text) {
  char* end = nullptr;
  if (std::isdigit(static_cast<unsigned char>(*text)) == 0) return 0;
  const std::uint64_t number = std::strtoull(text, &end, 10);
  return *end == '\0' || std::strcmp(end, "\n") == 0 ? number : 0;
}

/// Calls `visit` for each number of a sysfs list such as "0-1,8"; false when it cannot be read.
template <typename Visit>
bool for_each_listed(const char* path, Visit visit) {
  char text[512];
  if (os::read_small_file(path, text, sizeof text) <= 0) return false;
  if (text[std::strspn(text, "0123456789,-\n")] != '\0') return false;
  for (const char* at = text; std::isdigit(static_cast<unsigned char>(*at)) != 0;) {
    char* end = nullptr;
    const unsigned long first = std::strtoul(at, &end, 10);
    unsigned long last = first;
    if (*end == '-') last = std::strtoul(end + 1, &end, 10);
    for (unsigned long node = first; node <= last && node < kMaxNodes; ++node) visit(nodes[node]);
    at = *end == ',' ? end + 1 : end;
  }
  return true;
}

std::uint64_t read_bytes(const char* folder) {
  char path[kPath];
  char text[4096];
  std::snprintf(path, sizeof path, "%s/meminfo", folder);
  if (os::read_small_file(path, text, sizeof text) <= 0) return 0;
  const char* const total = std::strstr(text, "MemTotal:");
  return total != nullptr ? std::strtoull(total + 9, nullptr, 10) << 10 : 0;
}

/// access1 holds for the nearest CPUs, access0 for the nearest initiator of any kind.
std::uint64_t read_figure(const char* folder, const char* name) {
  constexpr std::uint64_t kTooLarge = 10000000;  // as in allocators/topology/sysfs_text.cc
  for (const char* access : {"access1", "access0"}) {
    char path[kPath];
    char text[32];
    std::snprintf(path, sizeof path, "%s/%s/initiators/%s", folder, access, name);
    if (os::read_small_file(path, text, sizeof text) <= 0) continue;
    const std::uint64_t figure = whole_number(text);
    if (figure != 0 && figure < kTooLarge) return figure;
  }
  return 0;
}

void read_node(const char* root, std::uint32_t number) {
  char folder[kPath - 64];
  std::snprintf(folder, sizeof folder, "%s/devices/system/node/node%u", root, number);
  OwnNode& node = nodes[number];
  node.bytes = read_bytes(folder);
  node.bandwidth_mbps = read_figure(folder, "read_bandwidth");
  node.latency_ns = read_figure(folder, "read_latency");
}

void read_memory_tier(const char* name, void* root) {
  static constexpr char kPrefix[] = "memory_tier";
  if (std::strncmp(name, kPrefix, sizeof kPrefix - 1) != 0) return;
  if (std::isdigit(static_cast<unsigned char>(name[sizeof kPrefix - 1])) == 0) return;
  const auto number =
      static_cast<std::uint32_t>(std::strtoul(name + sizeof kPrefix - 1, nullptr, 10));
  char path[kPath];
  std::snprintf(path, sizeof path, "%s/devices/virtual/memory_tiering/%s/nodelist",
                static_cast<const char*>(root), name);
  for_each_listed(path, [&](OwnNode& node) { node.memory_tier = number + 1; });
}

/// The bus lists links to where devices hang: below an ndbus is persistent memory, below a CXL
/// region's dax_region CXL memory, unless the region's mode is pmem.
TierKind kind_of_device(const char* device) {
  char text[kPath];
  if (!os::read_link(device, text, sizeof text)) return TierKind::kUnknown;
  if (std::strstr(text, "/ndbus") != nullptr) return TierKind::kPmem;
  if (std::strstr(text, "/dax_region") == nullptr) return TierKind::kUnknown;
  char path[kPath];
  std::snprintf(path, sizeof path, "%s/../../mode", device);
  const bool told = os::read_small_file(path, text, sizeof text) > 0;
  return told && std::strcmp(text, "pmem\n") == 0 ? TierKind::kPmem : TierKind::kCxl;
}

/// A device that the driver kmem has is the memory of a node.
void read_device(const char* name, void* root) {
  char device[kPath - 64];
  char path[kPath];
  char text[kPath];
  std::snprintf(device, sizeof device, "%s/bus/dax/devices/%s", static_cast<const char*>(root),
                name);
  std::snprintf(path, sizeof path, "%s/driver", device);
  if (!os::read_link(path, text, sizeof text)) return;
  const char* const driver = std::strrchr(text, '/');
  if (driver == nullptr || std::strcmp(driver, "/kmem") != 0) return;
  std::snprintf(path, sizeof path, "%s/target_node", device);
  if (os::read_small_file(path, text, sizeof text) <= 0) return;
  char* end = nullptr;
  const unsigned long number = std::strtoul(text, &end, 10);
  if (end == text || number >= kMaxNodes) return;
  OwnNode& node = nodes[number];
  const TierKind kind = kind_of_device(device);
  if (node.device_kind != TierKind::kUnknown && node.device_kind != kind) node.mixed_devices = true;
  node.device_kind = kind;
}

/// The best of the nodes with CPUs, which others are held against.
OwnNode reference() {
  OwnNode best{};
  for (const OwnNode& node : nodes) {
    if (!node.has_cpu || node.bytes == 0) continue;
    if (node.bandwidth_mbps > best.bandwidth_mbps) best.bandwidth_mbps = node.bandwidth_mbps;
    if (node.latency_ns != 0 && (best.latency_ns == 0 || node.latency_ns < best.latency_ns))
      best.latency_ns = node.latency_ns;
    if (node.memory_tier != 0 && (best.memory_tier == 0 || node.memory_tier < best.memory_tier))
      best.memory_tier = node.memory_tier;
  }
  return best;
}

/// classify.cc's kind_of, rule by rule.
TierKind judge(const OwnNode& node, const OwnNode& dram) {
  if (node.has_cpu) return TierKind::kDram;
  if (node.device_kind != TierKind::kUnknown && !node.mixed_devices) return node.device_kind;
  if (node.bandwidth_mbps != 0 && dram.bandwidth_mbps != 0 &&
      node.bandwidth_mbps != dram.bandwidth_mbps)
    return node.bandwidth_mbps > dram.bandwidth_mbps ? TierKind::kHbm : TierKind::kCxl;
  if (node.latency_ns != 0 && dram.latency_ns != 0 && node.latency_ns != dram.latency_ns)
    return node.latency_ns < dram.latency_ns ? TierKind::kHbm : TierKind::kCxl;
  if (node.memory_tier != 0 && dram.memory_tier != 0 && node.memory_tier != dram.memory_tier)
    return node.memory_tier < dram.memory_tier ? TierKind::kHbm : TierKind::kCxl;
  return TierKind::kUnknown;
}

}  // namespace

const OwnNode* read_own_nodes(const char* sysfs_root) {
  for (OwnNode& node : nodes) node = OwnNode{};
  char path[kPath];
  std::snprintf(path, sizeof path, "%s/devices/system/node/has_memory", sysfs_root);
  for_each_listed(path, [&](OwnNode& node) {
    read_node(sysfs_root, static_cast<std::uint32_t>(&node - nodes));
  });
  std::snprintf(path, sizeof path, "%s/devices/system/node/has_cpu", sysfs_root);
  for_each_listed(path, [](OwnNode& node) { node.has_cpu = true; });
  void* const root = const_cast<char*>(sysfs_root);
  std::snprintf(path, sizeof path, "%s/devices/virtual/memory_tiering", sysfs_root);
  os::for_each_name(path, read_memory_tier, root);
  std::snprintf(path, sizeof path, "%s/bus/dax/devices", sysfs_root);
  os::for_each_name(path, read_device, root);
  const OwnNode dram = reference();
  for (OwnNode& node : nodes) node.kind = judge(node, dram);
  return nodes;
}

}  // namespace terrace::runtime
