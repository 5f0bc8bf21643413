// SPDX-License-Identifier: Apache-2.0
#include "tiering/migrate/kernel.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "allocators/os/clock.h"
#include "allocators/os/files.h"

namespace terrace::migrate {
namespace {

/// Names that no driver's memory bears, so that maps alone will do for them.
bool is_plain(const os::MappingFacts& mapping) {
  constexpr const char* kSpecial[] = {"/dev/", "/sys/", "/proc/", "anon_inode:", "[v"};
  constexpr const char* kShared = "/dev/shm/";
  if (std::strncmp(mapping.path, kShared, std::strlen(kShared)) == 0) return true;
  for (const char* prefix : kSpecial) {
    if (std::strncmp(mapping.path, prefix, std::strlen(prefix)) == 0) return false;
  }
  return true;
}

Result<std::vector<os::MappingFacts>> read_mappings(int pid, std::uintptr_t begin,
                                                    std::uintptr_t end, os::MappingDetail detail) {
  auto reader = os::MappingReader::open(pid, detail);
  if (!reader) return reader.error();
  std::vector<os::MappingFacts> found;
  while (const auto mapping = reader->next()) {
    if (mapping->begin >= end) return found;
    if (mapping->end > begin) found.push_back(*mapping);
  }
  if (reader->error() != 0) {
    return make_error(ErrorCode::kIo, reader->error(), "the process's mappings: %s",
                      std::strerror(reader->error()));
  }
  return found;
}

/// smaps costs a walk over all pages that the process has, so it is read only where maps and the
/// process's sums leave something open.
Result<RangeFacts> examine(int pid, std::uintptr_t begin, std::uintptr_t end) {
  const auto sums = os::process_memory(pid);
  if (!sums) return sums.error();
  auto mappings = read_mappings(pid, begin, end, os::MappingDetail::kPlain);
  if (!mappings) return mappings.error();
  bool open = sums->locked.value > 0 || sums->hugetlb.value > 0;
  for (const os::MappingFacts& mapping : *mappings) open = open || !is_plain(mapping);
  if (open) mappings = read_mappings(pid, begin, end, os::MappingDetail::kFlags);
  if (!mappings) return mappings.error();
  return RangeFacts{std::move(*mappings), sums->pinned};
}

constexpr const char kNodes[] = "/sys/devices/system/node/node";

Bytes free_memory(NodeId node) {
  char path[80];
  char text[4096];
  std::snprintf(path, sizeof path, "%s%d/meminfo", kNodes, raw(node));
  if (os::read_small_file(path, text, sizeof text) <= 0) return Bytes(0);
  const char* at = std::strstr(text, "MemFree:");
  return at == nullptr ? Bytes(0) : KiB(std::strtoull(at + std::strlen("MemFree:"), nullptr, 10));
}

/// nodeN/distance has one number for each online node, in order; `to` is found by its rank.
int distance(NodeId from, NodeId to) {
  constexpr int kFar = 255;
  char path[80];
  char text[8192];
  int rank = 0;
  for (std::int32_t node = 0; node < raw(to); ++node) {
    std::snprintf(path, sizeof path, "%s%d/distance", kNodes, node);
    if (os::file_exists(path)) ++rank;
  }
  std::snprintf(path, sizeof path, "%s%d/distance", kNodes, raw(from));
  if (os::read_small_file(path, text, sizeof text) <= 0) return kFar;
  char* at = text;
  for (int i = 0; i <= rank; ++i) {
    char* end = at;
    const long value = std::strtol(at, &end, 10);
    if (end == at) return kFar;
    if (i == rank) return static_cast<int>(value);
    at = end;
  }
  return kFar;
}

void wait(std::condition_variable& changed, std::unique_lock<std::mutex>& lock,
          std::optional<Nanoseconds> until) {
  if (!until) {
    changed.wait(lock);
    return;
  }
  const Nanoseconds span = *until - os::monotonic_now();
  changed.wait_for(lock, std::chrono::nanoseconds(span.value));
}

}  // namespace

Kernel real_kernel() {
  Kernel kernel;
  kernel.query = os::query_pages;
  kernel.move = os::move_pages;
  kernel.huge_blocks = os::huge_blocks;
  kernel.prefer = [](void* at, Bytes size, const os::NodeMask& nodes) {
    return os::bind_range(at, size, nodes, os::Binding::kPreferred, os::Existing::kLeave);
  };
  kernel.examine = examine;
  kernel.free_memory = free_memory;
  kernel.distance = distance;
  kernel.now = os::monotonic_now;
  kernel.wait = wait;
  return kernel;
}

}  // namespace terrace::migrate
