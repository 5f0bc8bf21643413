// SPDX-License-Identifier: Apache-2.0
#include "profiler/os/near_nodes.h"

#include <numa.h>
#include <unistd.h>

#include <climits>

namespace terrace::os {
namespace {

bool has_allowed_cpu(int node) {
  bitmask* const cpus = numa_allocate_cpumask();
  const bool known = numa_node_to_cpus(node, cpus) == 0;
  unsigned allowed = 0;
  for (unsigned cpu = 0; known && cpu < cpus->size; ++cpu)
    if (numa_bitmask_isbitset(cpus, cpu) && numa_bitmask_isbitset(numa_all_cpus_ptr, cpu))
      ++allowed;
  numa_bitmask_free(cpus);
  return allowed > 0;
}

/// The node with CPUs that is nearest to any of `nodes`, -1 when there is none.
int nearest_cpu_node(std::span<const NodeId> nodes) {
  int best = -1;
  int best_distance = INT_MAX;
  for (int candidate = 0; candidate <= numa_max_node(); ++candidate) {
    if (!has_allowed_cpu(candidate)) continue;
    for (const NodeId node : nodes) {
      const int distance = numa_distance(candidate, raw(node));
      if (distance > 0 && distance < best_distance) {
        best = candidate;
        best_distance = distance;
      }
    }
  }
  return best;
}

Bytes free_of_machine() {
  const long pages = sysconf(_SC_AVPHYS_PAGES);
  const long page = sysconf(_SC_PAGESIZE);
  if (pages <= 0 || page <= 0) return Bytes(0);
  return Bytes(static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(page));
}

}  // namespace

void run_near_nodes(std::span<const NodeId> nodes) {
  if (nodes.empty() || numa_available() < 0) return;
  const int node = nearest_cpu_node(nodes);
  if (node >= 0) static_cast<void>(numa_run_on_node(node));
}

Bytes free_memory_of(std::span<const NodeId> nodes) {
  if (nodes.empty() || numa_available() < 0) return free_of_machine();
  Bytes sum;
  for (const NodeId node : nodes) {
    long long free = 0;
    if (numa_node_size64(raw(node), &free) > 0 && free > 0)
      sum += Bytes(static_cast<std::uint64_t>(free));
  }
  return sum;
}

}  // namespace terrace::os
