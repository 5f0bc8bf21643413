// SPDX-License-Identifier: Apache-2.0
#include "allocators/os/userfault.h"

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <cerrno>
#include <cstring>

#include "allocators/os/fault_point.h"

namespace terrace::os {
namespace {

constexpr unsigned long kOpenFromDevice = _IO(0xAA, 0);  // USERFAULTFD_IOC_NEW, Linux 6.1
constexpr std::uint64_t kDeliveryFeatures =
    UFFD_FEATURE_MINOR_HUGETLBFS | UFFD_FEATURE_MINOR_SHMEM | UFFD_FEATURE_MISSING_HUGETLBFS |
    UFFD_FEATURE_MISSING_SHMEM | UFFD_FEATURE_PAGEFAULT_FLAG_WP;

// UFFD_FEATURE_WP_HUGETLBFS_SHMEM (5.19), WP_UNPOPULATED (6.4) and WP_ASYNC (6.7), of which the
// last two are younger than the headers that we build with.
constexpr std::uint64_t kTrackingFeatures =
    UFFD_FEATURE_PAGEFAULT_FLAG_WP | (1u << 12) | (1u << 13) | (1u << 15);

struct Needs {
  std::uint64_t features;
  const char* what;
};

Needs needs_of(FaultUse use) {
  switch (use) {
    case FaultUse::kDelivery:
      return {kDeliveryFeatures, "minor mode is missing, Linux 5.14"};
    case FaultUse::kHold:
      return {UFFD_FEATURE_PAGEFAULT_FLAG_WP, "write protection is missing, Linux 5.7"};
    case FaultUse::kFence:
      return {UFFD_FEATURE_EVENT_REMAP, "the event of a move is missing, Linux 4.11"};
    case FaultUse::kTracking:
      return {kTrackingFeatures, "asynchronous write protection is missing, Linux 6.7"};
  }
  return {0, ""};
}

// UFFDIO_MOVE, Linux 6.8: younger than the headers that we build with.
struct MoveArguments {
  std::uint64_t to;
  std::uint64_t from;
  std::uint64_t size;
  std::uint64_t mode;
  std::int64_t moved;
};
constexpr unsigned long kMove = _IOWR(UFFDIO, 0x05, MoveArguments);

uffdio_range range_of(void* at, Bytes size) {
  return {reinterpret_cast<std::uint64_t>(at), size.value};
}

int control(int fd, unsigned long request, void* argument) {
  if (const int error = injected_error(SystemCall::kUserfaultIoctl); error != 0) return error;
  const int saved = errno;
  const int error = ioctl(fd, request, argument) == 0 ? 0 : errno;
  errno = saved;
  return error;
}

int open_descriptor() {
  if (const int error = injected_error(SystemCall::kUserfaultfd); error != 0) {
    errno = error;
    return -1;
  }
  const long direct = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
  if (direct >= 0) return static_cast<int>(direct);
  const int saved = errno;
  const int device = ::open("/dev/userfaultfd", O_RDWR | O_CLOEXEC);
  if (device < 0) {
    errno = saved;
    return -1;
  }
  const int fd = ioctl(device, kOpenFromDevice, O_CLOEXEC | O_NONBLOCK);
  ::close(device);
  return fd;
}

FaultKind kind_of(std::uint64_t flags) {
  if ((flags & UFFD_PAGEFAULT_FLAG_WP) != 0) return FaultKind::kWriteProtect;
  return (flags & UFFD_PAGEFAULT_FLAG_MINOR) != 0 ? FaultKind::kMinor : FaultKind::kMissing;
}

int register_range(int fd, void* at, Bytes size, std::uint64_t mode) {
  uffdio_register arguments{};
  arguments.range = range_of(at, size);
  arguments.mode = mode;
  return control(fd, UFFDIO_REGISTER, &arguments);
}

int set_protection(int fd, void* at, Bytes size, std::uint64_t mode) {
  uffdio_writeprotect arguments{};
  arguments.range = range_of(at, size);
  arguments.mode = mode;
  return control(fd, UFFDIO_WRITEPROTECT, &arguments);
}

struct Step {
  std::int64_t bytes;
  int error;
};

/// The kernel may stop early (EAGAIN): the next attempt goes on, or tells why not.
template <typename Attempt>
CopiedIn in_steps(Bytes size, Attempt attempt) {
  CopiedIn done;
  while (done.size < size) {
    const Step step = attempt(done.size);
    if (step.error == 0) {
      done.size = size;
    } else if (step.error != EAGAIN) {
      done.error = step.error;
      return done;
    } else if (step.bytes > 0) {
      done.size += Bytes(static_cast<std::uint64_t>(step.bytes));
    }
  }
  return done;
}

}  // namespace

Result<UserFault> UserFault::open(FaultUse use) {
  const int saved = errno;
  UserFault fault;
  fault.fd_ = open_descriptor();
  int error = fault.fd_ < 0 ? errno : 0;
  errno = saved;
  if (error != 0) {
    return make_error(ErrorCode::kCapabilityMissing, error,
                      "userfaultfd: %s; run as root, grant CAP_SYS_PTRACE, make /dev/userfaultfd "
                      "accessible, or set vm.unprivileged_userfaultfd=1",
                      std::strerror(error));
  }
  const int high = fcntl(fault.fd_, F_DUPFD_CLOEXEC, 512);
  if (high >= 0) {
    ::close(fault.fd_);
    fault.fd_ = high;
  }
  uffdio_api api{};
  api.api = UFFD_API;
  const Needs needs = needs_of(use);
  api.features = needs.features;
  error = control(fault.fd_, UFFDIO_API, &api);
  if (error == 0) return fault;
  return make_error(ErrorCode::kCapabilityMissing, error, "userfaultfd: %s or later has it (%s)",
                    needs.what, std::strerror(error));
}

int UserFault::watch_delivery(void* at, Bytes size) const {
  return register_range(fd_, at, size, UFFDIO_REGISTER_MODE_MINOR | UFFDIO_REGISTER_MODE_MISSING);
}

int UserFault::watch_writes(void* at, Bytes size) const {
  return register_range(fd_, at, size, UFFDIO_REGISTER_MODE_WP);
}

int UserFault::watch_missing(void* at, Bytes size) const {
  return register_range(fd_, at, size, UFFDIO_REGISTER_MODE_MISSING);
}

int UserFault::watch_writes_and_missing(void* at, Bytes size) const {
  return register_range(fd_, at, size, UFFDIO_REGISTER_MODE_WP | UFFDIO_REGISTER_MODE_MISSING);
}

int UserFault::unwatch(void* at, Bytes size) const {
  uffdio_range range = range_of(at, size);
  return control(fd_, UFFDIO_UNREGISTER, &range);
}

int UserFault::protect_writes(void* at, Bytes size) const {
  return set_protection(fd_, at, size, UFFDIO_WRITEPROTECT_MODE_WP);
}

int UserFault::allow_writes(void* at, Bytes size) const {
  return set_protection(fd_, at, size, 0);
}

int UserFault::deliver(void* at, Bytes size) const {
  // The kernel may stop early (EAGAIN while mappings change); what it mapped is in `mapped`.
  auto next = reinterpret_cast<std::uint64_t>(at);
  std::uint64_t left = size.value;
  for (;;) {
    uffdio_continue arguments{};
    arguments.range = {next, left};
    const int error = control(fd_, UFFDIO_CONTINUE, &arguments);
    if (error != EAGAIN) return error;
    if (arguments.mapped <= 0) continue;
    next += static_cast<std::uint64_t>(arguments.mapped);
    left -= static_cast<std::uint64_t>(arguments.mapped);
    if (left == 0) return 0;
  }
}

void UserFault::wake(void* at, Bytes size) const {
  // Fails only for a range that is no range (UFFDIO_WAKE(2)), so it is no fault point.
  uffdio_range range = range_of(at, size);
  const int saved = errno;
  ioctl(fd_, UFFDIO_WAKE, &range);
  errno = saved;
}

CopiedIn UserFault::copy_in(void* at, const void* from, Bytes size) const {
  return in_steps(size, [&](Bytes done) {
    uffdio_copy arguments{};
    arguments.dst = reinterpret_cast<std::uint64_t>(at) + done.value;
    arguments.src = reinterpret_cast<std::uint64_t>(from) + done.value;
    arguments.len = (size - done).value;
    const int error = control(fd_, UFFDIO_COPY, &arguments);
    return Step{arguments.copy, error};
  });
}

CopiedIn UserFault::move_in(void* at, void* from, Bytes size) const {
  return in_steps(size, [&](Bytes done) {
    MoveArguments arguments{};
    arguments.to = reinterpret_cast<std::uint64_t>(at) + done.value;
    arguments.from = reinterpret_cast<std::uint64_t>(from) + done.value;
    arguments.size = (size - done).value;
    const int error = control(fd_, kMove, &arguments);
    return Step{arguments.moved, error};
  });
}

int UserFault::read_events(FaultEvent* events, int capacity) const {
  constexpr int kBatch = 16;
  uffd_msg messages[kBatch];
  if (capacity > kBatch) capacity = kBatch;
  const int saved = errno;
  const ssize_t got = read(fd_, messages, static_cast<std::size_t>(capacity) * sizeof(uffd_msg));
  errno = saved;
  if (got <= 0) return 0;
  const int count = static_cast<int>(got / static_cast<ssize_t>(sizeof(uffd_msg)));
  int faults = 0;
  for (int i = 0; i < count; ++i) {
    if (messages[i].event == UFFD_EVENT_REMAP) {
      events[faults].address = messages[i].arg.remap.to;
      events[faults++].kind = FaultKind::kMoved;
    }
    if (messages[i].event != UFFD_EVENT_PAGEFAULT) continue;
    events[faults].address = messages[i].arg.pagefault.address;
    events[faults++].kind = kind_of(messages[i].arg.pagefault.flags);
  }
  return faults;
}

void UserFault::wait_event(Nanoseconds timeout) const {
  pollfd waiting{fd_, POLLIN, 0};
  const timespec span{static_cast<time_t>(timeout.value / 1000000000u),
                      static_cast<long>(timeout.value % 1000000000u)};
  const int saved = errno;
  ppoll(&waiting, 1, &span, nullptr);
  errno = saved;
}

void UserFault::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

}  // namespace terrace::os
