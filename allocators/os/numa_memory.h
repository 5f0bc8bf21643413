// SPDX-License-Identifier: Apache-2.0
// Which NUMA nodes pages come from: setting a range's policy, reading it back, and asking the
// kernel where pages are. Last file on the walk of docs/life-of-an-allocation.md. Raw system calls,
// since libnuma stays out of other people's processes. Thread-safe, never allocates; errors as
// errno values.
#pragma once

#include <cstdint>

#include <terrace/units.h>

namespace terrace::os {

inline constexpr std::uint32_t kNodeMaskWords = 16;
/// Bit n: node n.
struct NodeMask {
  std::uint64_t words[kNodeMaskWords] = {};
  bool empty() const;
  bool has(std::uint32_t node) const { return (words[node / 64] >> (node % 64) & 1) != 0; }
  void add(std::uint32_t node) { words[node / 64] |= std::uint64_t{1} << (node % 64); }
  void add_all(const NodeMask& other);
  bool operator==(const NodeMask&) const = default;
};
inline constexpr std::uint32_t kMaxNodes = kNodeMaskWords * 64;

enum class Binding : std::uint8_t {
  kPreferred,           ///< from these nodes while they have room (MPOL_PREFERRED_MANY, Linux 5.15;
                        ///< MPOL_PREFERRED of the first node before)
  kStrict,              ///< from these nodes or not at all (MPOL_BIND)
  kInterleave,          ///< one page from each node in turn (MPOL_INTERLEAVE)
  kWeightedInterleave,  ///< as many pages in turn as the node weighs in sysfs
                        ///< (MPOL_WEIGHTED_INTERLEAVE, Linux 6.9; EINVAL before)
};

enum class Existing : std::uint8_t {
  kLeave,  ///< pages that are there stay where they are
  kMove,   ///< pages on other nodes are moved (MPOL_MF_MOVE)
};

/// Sets the policy of [at, at+size). ENOSYS, EPERM and EINVAL mean that the kernel or a container
/// refuses; ENOMEM that the process has all the mappings that vm.max_map_count allows. Only
/// kPreferred has a fallback here: an older kernel's interleaving would give other shares than were
/// asked for, so the caller then binds range by range. Nodes outside of the process's cpuset are
/// dropped by the kernel without an error: policy_at() tells what it took. Under both ways of
/// interleaving kMove leaves pages of any of the nodes where they are.
int bind_range(void* at, Bytes size, const NodeMask& nodes, Binding binding, Existing existing);

/// A range's policy as the kernel has it.
struct RangePolicy {
  enum class Kind : std::uint8_t {
    kUnknown,  ///< the kernel did not say, or one that Terrace never sets
    kDefault,  ///< none of its own
    kPreferred,
    kStrict,
    kInterleave,
    kWeightedInterleave,
  };
  Kind kind = Kind::kUnknown;
  NodeMask nodes;
  int error = 0;  ///< errno when the kernel did not say
};
/// The policy of the mapping that holds `at` (get_mempolicy with MPOL_F_ADDR).
RangePolicy policy_at(const void* at);

/// A node's weight under kWeightedInterleave, 1 to 255, read from the kernel's table in sysfs: 1
/// where there is no file, since such a kernel interleaves plainly; 0: there is one that cannot be
/// read. Later faults follow a table that is changed, earlier pages stay.
std::uint32_t interleave_weight(const char* sysfs_root, std::uint32_t node);

/// Counts of sampled pages by node in [at, at+size): looks at one page in each block at most
/// `max_samples` times. by_node has `node_count` entries, pages beyond are not counted. Returns
/// pages that are not present, or -1 when the kernel refuses.
long sample_nodes(const void* at, Bytes size, std::uint32_t* by_node, std::uint32_t node_count,
                  std::uint32_t max_samples);

/// What these nodes could give without taking it from a program: free pages and half of the file
/// pages that were not used of late. 2^64-1 bytes when sysfs does not say.
Bytes free_memory_of(const NodeMask& nodes);

}  // namespace terrace::os
