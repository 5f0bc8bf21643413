// SPDX-License-Identifier: Apache-2.0
#include "allocators/heap/os/node_pages.h"

#include <numaif.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdint>
#include <cstring>

namespace terrace::os {
namespace {

constexpr std::size_t kAlign = kBlockBytes.value;
constexpr unsigned long kMaxNodes = 1024;
constexpr unsigned long kWordBits = sizeof(unsigned long) * CHAR_BIT;

void* system_map(void* hint, std::size_t size, int protection, int flags, int file, off_t offset) {
  const long mapped = syscall(SYS_mmap, hint, size, protection, flags, file, offset);
  // -1, with errno set, is MAP_FAILED. NOLINTNEXTLINE(performance-no-int-to-ptr)
  return reinterpret_cast<void*>(mapped);
}

int system_unmap(void* data, std::size_t size) {
  return static_cast<int>(syscall(SYS_munmap, data, size));
}

int system_advise(void* data, std::size_t size, int advice) {
  return static_cast<int>(syscall(SYS_madvise, data, size, advice));
}

struct NodeMask {
  unsigned long words[kMaxNodes / kWordBits] = {};
};

Result<NodeMask> mask_of(std::span<const NodeId> nodes) {
  NodeMask mask;
  for (const NodeId node : nodes) {
    if (raw(node) < 0 || static_cast<unsigned long>(raw(node)) >= kMaxNodes)
      return make_error(ErrorCode::kUsage, EINVAL, "node %d: Linux numbers nodes from 0 to 1023",
                        raw(node));
    const auto bit = static_cast<unsigned long>(raw(node));
    mask.words[bit / kWordBits] |= 1ul << (bit % kWordBits);
  }
  return mask;
}

/// Maps one block more than asked for and returns the ends that an aligned mapping leaves over.
std::byte* map_aligned(std::size_t size, const PageCalls& calls) {
  void* const mapped = calls.map(nullptr, size + kAlign, PROT_READ | PROT_WRITE,
                                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapped == MAP_FAILED) return nullptr;
  auto* const start = static_cast<std::byte*>(mapped);
  const std::size_t head = (kAlign - reinterpret_cast<std::uintptr_t>(start) % kAlign) % kAlign;
  // An end that cannot be returned costs address space only.
  if (head > 0) static_cast<void>(calls.unmap(start, head));
  static_cast<void>(calls.unmap(start + head + size, kAlign - head));
  return start + head;
}

Status bind(std::byte* data, std::size_t size, std::span<const NodeId> nodes,
            const PageCalls& calls) {
  if (nodes.empty()) return ok_status();
  const auto mask = mask_of(nodes);
  if (!mask) return mask.error();
  const int mode = nodes.size() == 1 ? MPOL_BIND : MPOL_INTERLEAVE;
  // The kernel reads one bit less than it is told.
  if (calls.bind(data, size, mode, mask->words, kMaxNodes + 1, 0) == 0) return ok_status();
  const int cause = errno;
  return make_error(ErrorCode::kCapabilityMissing, cause,
                    "binding pages to node %d was refused (%s); check that the node is in the "
                    "cpuset and that the sandbox permits mbind",
                    raw(nodes.front()), std::strerror(cause));
}

}  // namespace

PageCalls system_page_calls() {
  return {system_map, system_unmap, ::mbind, system_advise};
}

Result<NodePages> NodePages::map(Bytes size, std::span<const NodeId> nodes,
                                 const PageCalls& calls) {
  if (size.value == 0 || size.value > (std::uint64_t{1} << 46))
    return make_error(ErrorCode::kUsage, EINVAL, "cannot map %llu bytes; give 1 byte to 64 TiB",
                      static_cast<unsigned long long>(size.value));
  const std::size_t rounded = round_up_to_block(size).value;
  std::byte* const data = map_aligned(rounded, calls);
  if (data == nullptr) {
    const int cause = errno;
    return make_error(ErrorCode::kIo, cause,
                      "cannot map %zu MiB (%s); free memory or raise the limit (ulimit -v)",
                      rounded >> 20, std::strerror(cause));
  }
  NodePages pages(calls, data, rounded);
  if (const Status bound = bind(data, rounded, nodes, calls); !bound) return bound.error();
  // A kernel without transparent huge pages refuses; 4 KiB pages serve as well, only slower.
  static_cast<void>(calls.advise(data, rounded, MADV_HUGEPAGE));
  return pages;
}

NodePages::~NodePages() {
  if (data_ != nullptr) static_cast<void>(calls_.unmap(data_, size_));
}

bool unmap_pages(std::byte* data, std::size_t size, const PageCalls& calls) {
  return calls.unmap(data, size) == 0;
}

}  // namespace terrace::os
