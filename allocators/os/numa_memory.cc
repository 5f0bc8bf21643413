// SPDX-License-Identifier: Apache-2.0
#include "allocators/os/numa_memory.h"

#include <linux/mempolicy.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "allocators/os/fault_point.h"
#include "allocators/os/files.h"

namespace terrace::os {
namespace {

// Headers of older kernels lack them: 5 came with Linux 5.15, 6 with 6.9.
constexpr int kPreferredMany = 5;
constexpr int kWeightedInterleave = 6;

// The kernel takes one bit fewer than it is told (get_nodes decrements maxnode), hence + 1.
constexpr unsigned long kMaxNode = kMaxNodes + 1;

int raw_mbind(void* at, Bytes size, int mode, const NodeMask& nodes, unsigned flags) {
  if (const int error = injected_error(SystemCall::kMbind); error != 0) return error;
  const int saved = errno;
  if (syscall(SYS_mbind, at, size.value, mode, nodes.words, kMaxNode, flags) == 0) return 0;
  const int error = errno;
  errno = saved;
  return error;
}

RangePolicy::Kind kind_of(int mode) {
  using Kind = RangePolicy::Kind;
  switch (mode & ~MPOL_MODE_FLAGS) {
    case MPOL_DEFAULT:
      return Kind::kDefault;
    case MPOL_PREFERRED:
    case kPreferredMany:
      return Kind::kPreferred;
    case MPOL_BIND:
      return Kind::kStrict;
    case MPOL_INTERLEAVE:
      return Kind::kInterleave;
    case kWeightedInterleave:
      return Kind::kWeightedInterleave;
    default:
      return Kind::kUnknown;
  }
}

}  // namespace

void NodeMask::add_all(const NodeMask& other) {
  for (std::uint32_t i = 0; i < kNodeMaskWords; ++i) words[i] |= other.words[i];
}

bool NodeMask::empty() const {
  for (const std::uint64_t word : words) {
    if (word != 0) return false;
  }
  return true;
}

int bind_range(void* at, Bytes size, const NodeMask& nodes, Binding binding, Existing existing) {
  const unsigned flags = existing == Existing::kMove ? MPOL_MF_MOVE : 0;
  switch (binding) {
    case Binding::kStrict:
      return raw_mbind(at, size, MPOL_BIND, nodes, flags);
    case Binding::kInterleave:
      return raw_mbind(at, size, MPOL_INTERLEAVE, nodes, flags);
    case Binding::kWeightedInterleave:
      return raw_mbind(at, size, kWeightedInterleave, nodes, flags);
    case Binding::kPreferred:
      break;
  }
  const int error = raw_mbind(at, size, kPreferredMany, nodes, flags);
  if (error != EINVAL) return error;
  return raw_mbind(at, size, MPOL_PREFERRED, nodes, flags);
}

RangePolicy policy_at(const void* at) {
  RangePolicy policy;
  policy.error = injected_error(SystemCall::kGetMempolicy);
  if (policy.error != 0) return policy;
  int mode = 0;
  const int saved = errno;
  if (syscall(SYS_get_mempolicy, &mode, policy.nodes.words, kMaxNode, at, MPOL_F_ADDR) != 0) {
    policy.error = errno;
    errno = saved;
    return policy;
  }
  policy.kind = kind_of(mode);
  return policy;
}

std::uint32_t interleave_weight(const char* sysfs_root, std::uint32_t node) {
  char path[320];
  char text[16];
  std::snprintf(path, sizeof path, "%s/kernel/mm/mempolicy/weighted_interleave/node%u", sysfs_root,
                node);
  if (!file_exists(path)) return 1;
  if (read_small_file(path, text, sizeof text) <= 0) return 0;
  const unsigned long weight = std::strtoul(text, nullptr, 10);
  return weight >= 1 && weight <= 255 ? static_cast<std::uint32_t>(weight) : 0;
}

long sample_nodes(const void* at, Bytes size, std::uint32_t* by_node, std::uint32_t node_count,
                  std::uint32_t max_samples) {
  constexpr std::uint32_t kBatch = 64;
  const std::uint64_t blocks = blocks_for(size);
  const std::uint64_t stride = blocks > max_samples ? (blocks + max_samples - 1) / max_samples : 1;
  long absent = 0;
  const int saved = errno;
  for (std::uint64_t block = 0; block < blocks;) {
    const void* pages[kBatch];
    int status[kBatch];
    std::uint32_t count = 0;
    for (; count < kBatch && block < blocks; block += stride) {
      pages[count++] = static_cast<const char*>(at) + (block << kBlockShift);
    }
    if (injected_error(SystemCall::kMovePages) != 0 ||
        syscall(SYS_move_pages, 0, count, pages, nullptr, status, 0) != 0) {
      errno = saved;
      return -1;
    }
    for (std::uint32_t i = 0; i < count; ++i) {
      if (status[i] < 0) {
        ++absent;
      } else if (static_cast<std::uint32_t>(status[i]) < node_count) {
        ++by_node[status[i]];
      }
    }
  }
  errno = saved;
  return absent;
}

namespace {

/// The figure behind `key` in kB, from a node's meminfo; -1 when it is not there.
std::int64_t kilobytes_of(const char* text, const char* key) {
  const char* const found = std::strstr(text, key);
  return found != nullptr ? std::strtoll(found + std::strlen(key), nullptr, 10) : -1;
}

}  // namespace

Bytes free_memory_of(const NodeMask& nodes) {
  std::uint64_t kilobytes = 0;
  for (std::uint32_t node = 0; node < kNodeMaskWords * 64; ++node) {
    if ((nodes.words[node / 64] >> (node % 64) & 1) == 0) continue;
    char path[64];
    char text[4096];
    std::snprintf(path, sizeof path, "/sys/devices/system/node/node%u/meminfo", node);
    if (read_small_file(path, text, sizeof text) <= 0) return Bytes(~std::uint64_t{0});
    const std::int64_t free_pages = kilobytes_of(text, "MemFree:");
    const std::int64_t idle_files = kilobytes_of(text, "Inactive(file):");
    if (free_pages < 0 || idle_files < 0) return Bytes(~std::uint64_t{0});
    kilobytes += static_cast<std::uint64_t>(free_pages + idle_files / 2);
  }
  return Bytes(kilobytes << 10);
}

}  // namespace terrace::os
