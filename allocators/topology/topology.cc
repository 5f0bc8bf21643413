// SPDX-License-Identifier: Apache-2.0
// Discovery in its order: sysfs, hwloc and libnuma, the judgement, the user's file, measurements.
#include <terrace/topology.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "allocators/topology/calibration_file.h"
#include "allocators/topology/classify.h"
#include "allocators/topology/dax_tiers.h"
#include "allocators/topology/live_machine.h"
#include "allocators/topology/memory_limit.h"
#include "allocators/topology/neighbours.h"
#include "allocators/topology/sysfs_reader.h"
#include "allocators/topology/tier_file.h"
#include "allocators/topology/tier_overlay.h"

namespace terrace {
namespace {

/// A captured tree describes another machine, of which the libraries know nothing (ADR 0002).
bool is_live(const std::string& sysfs_root) {
  return std::filesystem::path(sysfs_root + "/").lexically_normal() == "/sys/";
}

/// A cache that does not fit is no error: what it would have told is unknown, and why.
void merge_cache(const std::string& path, Topology& topology) {
  const auto cached = load_calibration(path);
  if (!cached) {
    topology.unknowns.push_back(std::string("calibration: ") + cached.error().message);
  } else if (cached->machine_id != topology.machine_id) {
    topology.unknowns.push_back("calibration: " + path + " was measured on machine " +
                                cached->machine_id + ", this is " + topology.machine_id +
                                "; run `terrace calibrate`");
  } else {
    merge_calibration(*cached, topology.tiers);
  }
}

/// Plans and flat files number tiers in four bits. Many devices, each a tier of its own, may be
/// more: the slowest are left out.
void drop_excess(Topology& topology) {
  std::size_t placed = 0;
  std::erase_if(topology.tiers, [&](const Tier& tier) {
    if (tier.use == Use::kOnRequest || ++placed <= kMaxTiers) return false;
    topology.unknowns.push_back("tier " + tier.name + ": is one more than the " +
                                std::to_string(kMaxTiers) +
                                " that can be used, so it is left out; join devices to one region");
    return true;
  });
}

/// The machine's own tiers, before the user's file.
std::vector<Tier> find_tiers(const DiscoveryOptions& options, MachineFacts& facts) {
  std::vector<Tier> tiers = tiers_from(facts);
  sort_tiers(tiers);
  if (is_live(options.sysfs_root))
    if (const auto limit = tightest_memory_limit("/proc", "/sys/fs/cgroup")) {
      cut_to_limit(left_for_objects(*limit), tiers, facts);
      tiers = tiers_from(facts);
    }
  add_dax_tiers(facts, tiers);
  return tiers;
}

}  // namespace

bool Topology::emulated() const {
  return std::any_of(tiers.begin(), tiers.end(), [](const Tier& tier) { return tier.emulated(); });
}

Topology Topology::usable() const {
  Topology without = *this;
  std::erase_if(without.tiers, [](const Tier& tier) { return tier.use == Use::kOnRequest; });
  return without;
}

const Tier* Topology::find(const std::string& name) const {
  for (const Tier& tier : tiers)
    if (tier.name == name) return &tier;
  return nullptr;
}

Result<Topology> discover_topology(const DiscoveryOptions& options) {
  auto facts = read_sysfs(options.sysfs_root);
  if (!facts) return facts.error();
  if (is_live(options.sysfs_root)) overlay_live_machine(*facts);
  if (facts->nodes.empty())
    return make_error(ErrorCode::kCapabilityMissing, 0,
                      "this process may use no memory node; widen its cpuset.mems");
  count_late_memory(*facts);

  Topology topology;
  topology.machine_id = machine_id_of(*facts);
  topology.cpu_model = facts->cpu_model;
  topology.hardware_threads = facts->hardware_threads;
  const MachineFacts whole = *facts;
  topology.tiers = find_tiers(options, *facts);
  topology.unknowns = std::move(facts->notes);
  if (!options.tiers_file.empty()) {
    const auto file = read_tier_file(options.tiers_file);
    if (!file) return file.error();
    auto tiers = apply_tier_file(
        *file, std::move(topology.tiers), *facts,
        [&](const std::string& path) { return examine_path(path, options.sysfs_root); });
    if (!tiers) return tiers.error();
    topology.tiers = std::move(*tiers);
  }
  if (!options.calibration_file.empty()) merge_cache(options.calibration_file, topology);
  sort_tiers(topology.tiers);
  drop_excess(topology);
  topology.nodes = describe_nodes(whole, topology.tiers);
  topology.cpu_nodes = find_nearest(whole, topology.nodes);
  for (std::string& unknown : unknowns_of(topology.tiers))
    topology.unknowns.push_back(std::move(unknown));
  return topology;
}

}  // namespace terrace
