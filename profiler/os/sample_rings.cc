// SPDX-License-Identifier: Apache-2.0
#include "profiler/os/sample_rings.h"

#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "allocators/os/files.h"
#include "allocators/os/keep_errno.h"

namespace terrace::os {
namespace {

constexpr std::size_t kPage = 4096;
constexpr std::size_t kMapped = kPage + SampleRings::kRingBytes;

perf_event_attr attributes_of(const SampleRequest& request) {
  perf_event_attr attributes{};
  attributes.size = sizeof attributes;
  attributes.type = request.type;
  attributes.config = request.config;
  attributes.config1 = request.config1;
  attributes.config2 = request.config2;
  attributes.sample_period = request.period;
  attributes.sample_type = request.sample_type;
  attributes.disabled = 1;
  attributes.exclude_kernel = 1;
  attributes.exclude_hv = 1;
  attributes.inherit = 1;
  attributes.inherit_thread = 1;
  attributes.precise_ip = request.precise & 3;
  return attributes;
}

/// Asks for less: threads alone and not children (5.13; without it samples are told by their pid),
/// exact instructions, the process alone, the program's side alone (the last two for AMD's IBS
/// before Linux 6.2). False: there is nothing left to do without.
bool ask_for_less(perf_event_attr& attributes, int& pid, bool may_be_whole_cpu) {
  if (attributes.inherit_thread != 0) {
    attributes.inherit_thread = 0;
  } else if (attributes.precise_ip > 1) {
    --attributes.precise_ip;
  } else if (may_be_whole_cpu && pid == 0) {
    pid = -1;
    attributes.inherit = 0;
  } else if (may_be_whole_cpu && attributes.exclude_kernel != 0) {
    attributes.exclude_kernel = 0;
    attributes.exclude_hv = 0;
  } else {
    return false;
  }
  return true;
}

int open_event(const SampleRequest& request, std::uint32_t cpu, int group) {
  perf_event_attr attributes = attributes_of(request);
  int pid = 0;
  for (;;) {
    const long fd = syscall(SYS_perf_event_open, &attributes, pid, static_cast<int>(cpu), group,
                            PERF_FLAG_FD_CLOEXEC);
    if (fd >= 0) return move_to_high_number(static_cast<int>(fd));
    if (errno != EINVAL && errno != EOPNOTSUPP) return -1;
    if (!ask_for_less(attributes, pid, request.may_be_whole_cpu)) return -1;
  }
}

Error cannot_open(int error) {
  if (error == EMFILE || error == ENFILE) {
    return make_error(ErrorCode::kCapabilityMissing, error,
                      "memory samples: too few descriptors; raise ulimit -n");
  }
  if (error == EACCES || error == EPERM) {
    return make_error(ErrorCode::kCapabilityMissing, error,
                      "memory samples: not allowed; sysctl kernel.perf_event_paranoid=2 or less, "
                      "CAP_PERFMON, or a seccomp profile that lets perf_event_open pass");
  }
  return make_error(ErrorCode::kCapabilityMissing, error,
                    "memory samples: the event cannot be opened (errno %d: %s)", error,
                    std::strerror(error));
}

}  // namespace

Status SampleRings::open(const SampleRequest* requests, std::uint32_t count) {
  const KeepErrno keep;
  close();
  if (count == 0 || count > kMaxEvents) {
    return make_error(ErrorCode::kUsage, 0, "memory samples: %u events, 1 to %u can be", count,
                      kMaxEvents);
  }
  const long configured = sysconf(_SC_NPROCESSORS_CONF);
  for (std::uint32_t cpu = 0; cpu < configured && cpu_count_ < kMaxCpus; ++cpu) {
    Ring& ring = rings_[cpu_count_];
    const int error = open_cpu(ring, cpu, requests, count);
    if (error == 0) {
      ++cpu_count_;
      continue;
    }
    close_descriptors(ring);
    if (error == ENODEV || error == ENXIO) continue;  // offline, or a core without the event
    close();
    return cannot_open(error);
  }
  return cpu_count_ != 0 ? ok_status() : Status(cannot_open(ENODEV));
}

int SampleRings::open_cpu(Ring& ring, std::uint32_t cpu, const SampleRequest* requests,
                          std::uint32_t count) {
  int group = -1;
  for (std::uint32_t i = 0; i < count; ++i) {
    ring.fds[i] = open_event(requests[i], cpu, group);
    if (ring.fds[i] < 0) return errno;
    group = requests[i].leads ? ring.fds[i] : -1;
    if (i != 0 && ioctl(ring.fds[i], PERF_EVENT_IOC_SET_OUTPUT, ring.fds[0]) != 0) return errno;
    if (i != 0) continue;
    void* const pages = mmap(nullptr, kMapped, PROT_READ | PROT_WRITE, MAP_SHARED, ring.fds[0], 0);
    if (pages == MAP_FAILED) return errno;
    ring.pages = pages;
  }
  return 0;
}

int SampleRings::control(unsigned long request) {
  const KeepErrno keep;
  int error = 0;
  for (std::uint32_t cpu = 0; cpu < cpu_count_; ++cpu) {
    for (const int fd : rings_[cpu].fds) {
      if (fd >= 0 && ioctl(fd, request, 0) != 0) error = errno;
    }
  }
  return error;
}

int SampleRings::start() {
  return control(PERF_EVENT_IOC_ENABLE);
}

int SampleRings::stop() {
  return control(PERF_EVENT_IOC_DISABLE);
}

std::size_t SampleRings::take(std::uint32_t cpu, std::byte* to) {
  auto* const page = static_cast<perf_event_mmap_page*>(rings_[cpu].pages);
  const auto* const data = static_cast<const std::byte*>(rings_[cpu].pages) + kPage;
  // Pairs with the kernel's barrier between the data and the head.
  const std::uint64_t head = __atomic_load_n(&page->data_head, __ATOMIC_ACQUIRE);
  const std::uint64_t tail = page->data_tail;
  std::uint64_t length = head - tail;
  if (length > kRingBytes) length = 0;
  const std::size_t from = tail % kRingBytes;
  const std::size_t first = kRingBytes - from < length ? kRingBytes - from : length;
  std::memcpy(to, data + from, first);
  std::memcpy(to + first, data, length - first);
  __atomic_store_n(&page->data_tail, head, __ATOMIC_RELEASE);
  return length;
}

void SampleRings::close_descriptors(Ring& ring) {
  for (int& fd : ring.fds) {
    if (fd >= 0) close_file(fd);
    fd = -1;
  }
  if (ring.pages != nullptr) munmap(ring.pages, kMapped);
  ring.pages = nullptr;
}

void SampleRings::close() {
  for (std::uint32_t cpu = 0; cpu < cpu_count_; ++cpu) close_descriptors(rings_[cpu]);
  cpu_count_ = 0;
}

}  // namespace terrace::os
