// SPDX-License-Identifier: Apache-2.0
// Anonymous pages of given NUMA nodes: the system calls behind tier memory resources and behind
// calibration. Thread-safe; allocates nothing but the pages.
#pragma once

#include <cstddef>
#include <span>
#include <utility>

#include <sys/types.h>

#include <terrace/result.h>
#include <terrace/units.h>

namespace terrace::os {

/// The calls that are made, so that a test can fail any of them.
struct PageCalls {
  void* (*map)(void*, std::size_t, int, int, int, off_t);
  int (*unmap)(void*, std::size_t);
  long (*bind)(void*, unsigned long, int, const unsigned long*, unsigned long, unsigned);
  int (*advise)(void*, std::size_t, int);
};

/// mmap, munmap, mbind and madvise themselves, past libc: in a process that runs under the preload
/// shim these pages are placed already and must not become an object of its own.
PageCalls system_page_calls();

/// A mapping that unmaps itself. Move-only.
class NodePages {
 public:
  /// Maps `size` bytes, rounded up to 2 MiB and aligned to it, with 2 MiB pages asked for. One
  /// node: bound to it. Several: interleaved over them page by page, so that they are read side by
  /// side. None: the process's own policy. Pages come with the first touch, which, on a node that
  /// is full, invokes the kernel's out-of-memory handling: callers count what they hand out.
  /// Errors: kIo when there is no address space, kCapabilityMissing when binding is not permitted.
  static Result<NodePages> map(Bytes size, std::span<const NodeId> nodes,
                               const PageCalls& calls = system_page_calls());

  NodePages(NodePages&& other) noexcept
      : calls_(other.calls_),
        data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)) {}
  NodePages& operator=(NodePages&& other) noexcept {
    std::swap(calls_, other.calls_);
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  NodePages(const NodePages&) = delete;
  NodePages& operator=(const NodePages&) = delete;
  ~NodePages();

  std::byte* data() const { return data_; }
  std::size_t size() const { return size_; }

  /// Gives the mapping away: unmap_pages() then ends it.
  std::byte* release() {
    size_ = 0;
    return std::exchange(data_, nullptr);
  }

 private:
  NodePages(const PageCalls& calls, std::byte* data, std::size_t size)
      : calls_(calls), data_(data), size_(size) {}

  PageCalls calls_;
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

/// Ends a mapping that release() gave away. False when the kernel refuses (errno says why), as it
/// may when the unmapping would split a mapping and the process has no more of them left.
bool unmap_pages(std::byte* data, std::size_t size, const PageCalls& calls = system_page_calls());

}  // namespace terrace::os
