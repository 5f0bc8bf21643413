// SPDX-License-Identifier: Apache-2.0
// Which NUMA nodes pages come from: binding a range, and asking the kernel where pages are. Last
// file on the walk of docs/life-of-an-allocation.md. Raw system calls, since libnuma stays out of
// other people's processes. Thread-safe, never allocates; errors as errno values.
#pragma once

#include <cstdint>

#include <terrace/units.h>

namespace terrace::os {

inline constexpr std::uint32_t kNodeMaskWords = 16;
/// Bit n: node n.
struct NodeMask {
  std::uint64_t words[kNodeMaskWords] = {};
  bool empty() const;
};

enum class Binding : std::uint8_t {
  kPreferred,  ///< from these nodes while they have room (MPOL_PREFERRED_MANY, Linux 5.15;
               ///< MPOL_PREFERRED of the first node before)
  kStrict,     ///< from these nodes or not at all (MPOL_BIND)
};

enum class Existing : std::uint8_t {
  kLeave,  ///< pages that are there stay where they are
  kMove,   ///< pages on other nodes are moved (MPOL_MF_MOVE)
};

/// Sets the policy of [at, at+size). ENOSYS, EPERM and EINVAL mean that the kernel or a container
/// refuses.
int bind_range(void* at, Bytes size, const NodeMask& nodes, Binding binding, Existing existing);

/// Counts of sampled pages by node in [at, at+size): looks at one page in each block at most
/// `max_samples` times. by_node has `node_count` entries, pages beyond are not counted. Returns
/// pages that are not present, or -1 when the kernel refuses.
long sample_nodes(const void* at, Bytes size, std::uint32_t* by_node, std::uint32_t node_count,
                  std::uint32_t max_samples);

/// What these nodes could give without taking it from a program: free pages and half of the file
/// pages that were not used of late. 2^64-1 bytes when sysfs does not say.
Bytes free_memory_of(const NodeMask& nodes);

}  // namespace terrace::os
