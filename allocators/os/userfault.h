// SPDX-License-Identifier: Apache-2.0
// userfaultfd: faults of chosen ranges are answered by a thread of ours. Used by the emulated link
// (minor and missing mode over memory files), to hold writers off while pages are copied away
// (write-protect mode) and to fill private memory behind whoever touches it (missing mode). Kernel
// faults must be handled too, since read(2) into placed memory faults in the kernel: a
// user-mode-only descriptor is not enough. Descriptors may be used by several threads; never
// allocates; errors as errno values.
#pragma once

#include <cstdint>
#include <utility>

#include <terrace/result.h>
#include <terrace/units.h>

namespace terrace::os {

enum class FaultKind : std::uint8_t {
  kMissing,       ///< no page in the file yet
  kMinor,         ///< the page is there, its page-table entry is not
  kWriteProtect,  ///< a write to a protected page
  kMoved,         ///< not a fault: the watched mapping now begins at this address
  kOther,
};

/// What a descriptor is opened for: the kernel's features differ.
enum class FaultUse : std::uint8_t {
  kDelivery,  ///< missing and minor faults of memory files; Linux 5.14
  kHold,      ///< writes to private memory, and missing pages of it; Linux 5.7
  kFence,     ///< missing pages of private memory that keeps being watched when it is moved; its
              ///< mover waits until another thread has read the kMoved event; Linux 4.11
  kTracking,  ///< writes to any memory, let through by the kernel itself, which only notes them
              ///< (PagePresence::count_written); Linux 6.7
};

struct FaultEvent {
  std::uintptr_t address = 0;
  FaultKind kind = FaultKind::kOther;
};

struct CopiedIn {
  Bytes size;     ///< copied from the beginning
  int error = 0;  ///< why not the rest. EEXIST: the next page is there already
};

class UserFault {
 public:
  constexpr UserFault() = default;
  UserFault(UserFault&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UserFault& operator=(UserFault&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~UserFault() { close(); }

  /// kCapabilityMissing with the remedy when the kernel or the user's rights lack something.
  static Result<UserFault> open(FaultUse use = FaultUse::kDelivery);
  bool is_open() const { return fd_ >= 0; }

  /// Faults of missing pages and of missing page-table entries come to us.
  int watch_delivery(void* at, Bytes size) const;
  /// Registers a range so that protect_writes() works on it.
  int watch_writes(void* at, Bytes size) const;
  /// Faults of private pages that are not there come to us.
  int watch_missing(void* at, Bytes size) const;
  int watch_writes_and_missing(void* at, Bytes size) const;
  int unwatch(void* at, Bytes size) const;
  /// From now on writers wait until the range is replaced or writes are allowed, then wake().
  int protect_writes(void* at, Bytes size) const;
  int allow_writes(void* at, Bytes size) const;
  /// Maps pages that are in the file and wakes who waits for them. EEXIST: mapped already.
  int deliver(void* at, Bytes size) const;
  void wake(void* at, Bytes size) const;
  /// Gives missing private pages a copy of `from`, on nodes by the range's policy, and wakes who
  /// waits for them.
  CopiedIn copy_in(void* at, const void* from, Bytes size) const;
  /// The same, but the pages themselves are taken from private memory, which is left without: a
  /// huge page stays one. Linux 6.8.
  CopiedIn move_in(void* at, void* from, Bytes size) const;

  /// Reads up to `capacity` events without waiting; their number.
  int read_events(FaultEvent* events, int capacity) const;
  /// Waits for an event, or until `timeout` passed.
  void wait_event(Nanoseconds timeout) const;
  /// For a poll besides other descriptors.
  int descriptor() const { return fd_; }
  void close();

 private:
  int fd_ = -1;
};

}  // namespace terrace::os
