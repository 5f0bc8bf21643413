// SPDX-License-Identifier: Apache-2.0
#include "allocators/topology/memory_limit.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <sstream>

#include "allocators/base/show_bytes.h"
#include "allocators/topology/sysfs_text.h"
#include "allocators/topology/text_file.h"

namespace terrace {
namespace {

namespace fs = std::filesystem;

/// Where this process stands in one hierarchy, and the file that limits each group of it.
struct Place {
  std::string mount;  ///< "/sys/fs/cgroup"
  std::string group;  ///< "/user.slice/job"
  const char* file;   ///< "memory.max"
};

/// Lines of /proc/self/cgroup are "0::/group" for v2 and "9:memory:/group" for v1 (cgroups(7)). On
/// a machine with both, v2 is mounted below "unified".
std::vector<Place> places_in(const std::string& table, const std::string& root) {
  std::vector<Place> places;
  std::istringstream lines(table);
  for (std::string line; std::getline(lines, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    const std::string group = line.substr(second + 1);
    if (line.starts_with("0::")) {
      places.push_back({root, group, "memory.max"});
      places.push_back({root + "/unified", group, "memory.max"});
    } else if (controllers.find(",memory,") != std::string::npos) {
      places.push_back({root + "/memory", group, "memory.limit_in_bytes"});
    }
  }
  return places;
}

/// The group and those above it, down to the mount itself. A group outside what a container has
/// mounted reads "/../..", or names folders that are not there: only the mount then counts.
std::vector<std::string> files_of(const Place& place) {
  std::vector<std::string> files;
  fs::path group = fs::path(place.group).relative_path();
  const bool outside = std::find(group.begin(), group.end(), fs::path("..")) != group.end();
  for (; !outside && !group.empty(); group = group.parent_path())
    files.push_back(place.mount + "/" + group.string() + "/" + place.file);
  files.push_back(place.mount + "/" + place.file);
  return files;
}

}  // namespace

std::optional<MemoryLimit> tightest_memory_limit(const std::string& proc_root,
                                                 const std::string& cgroup_root) {
  const auto table = read_small_file(proc_root + "/self/cgroup");
  std::optional<MemoryLimit> tightest;
  for (const Place& place : places_in(table.value_or(std::string()), cgroup_root)) {
    for (const std::string& file : files_of(place)) {
      // "max" is no number. v1 writes the largest whole page count for none, which is larger than
      // any machine.
      const auto limit = read_number(file);
      if (limit && (!tightest || *limit < tightest->bytes.value))
        tightest = MemoryLimit{Bytes(*limit), file};
    }
  }
  return tightest;
}

MemoryLimit left_for_objects(const MemoryLimit& limit) {
  MemoryLimit left = limit;
  const std::string folder = limit.file.substr(0, limit.file.rfind('/'));
  std::uint64_t taken = limit.bytes.value / 16 + MiB(8).value;
  if (const auto text = read_small_file(folder + "/memory.stat")) {
    const std::string lines = "\n" + *text;
    for (const std::string_view key : {"\nanon ", "\nrss "}) {  // v2's name and v1's
      const std::size_t at = lines.find(key);
      if (at == std::string::npos) continue;
      taken += std::strtoull(lines.c_str() + at + key.size(), nullptr, 10);
    }
  }
  left.bytes = Bytes(taken < limit.bytes.value ? limit.bytes.value - taken : 0);
  return left;
}

void cut_to_limit(const MemoryLimit& limit, const std::vector<Tier>& tiers, MachineFacts& facts) {
  Bytes memory;
  for (const NodeFacts& node : facts.nodes) memory += node.capacity.value;
  if (memory <= limit.bytes) return;
  Bytes left = limit.bytes;
  for (const Tier& tier : tiers) {
    for (NodeFacts& node : facts.nodes) {
      if (std::find(tier.nodes.begin(), tier.nodes.end(), node.id) == tier.nodes.end()) continue;
      node.capacity.value = std::min(node.capacity.value, left);
      left -= node.capacity.value;
    }
  }
  facts.notes.push_back("memory limit: " + limit.file + " allows this process " +
                        show_bytes(limit.bytes) + " of the machine's " + show_bytes(memory) +
                        ", so the tiers of nodes are cut to it, fastest first; raise it to use "
                        "more");
}

}  // namespace terrace
