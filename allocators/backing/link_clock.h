// SPDX-License-Identifier: Apache-2.0
// The virtual time of one emulated link: which block is on the wire, and when it has arrived.
// Demand transfers go before read-ahead and interrupt it, as a memory controller prefers loads
// that a core waits for; what was sent of the interrupted block is not sent again.
// Pure arithmetic over times given by the caller: no clock, no system call, no allocation.
// One owner; not thread-safe.
#pragma once

#include <cstdint>

#include <terrace/units.h>

#include "allocators/base/ring.h"

namespace terrace::backing {

enum class Urgency : std::uint8_t {
  kDemand,  ///< a thread waits for it
  kAhead,   ///< nobody has asked yet
};

struct Arrival {
  std::uint32_t block = 0;
  Nanoseconds at;
};

inline constexpr Nanoseconds kNever = Nanoseconds(~std::uint64_t{0});

class LinkClock {
 public:
  constexpr LinkClock() = default;
  /// `transfer`: time that one block occupies the link (2 MiB / bandwidth); `latency` is added to
  /// each arrival and does not occupy it.
  void configure(Nanoseconds transfer, Nanoseconds latency);

  /// Queues a block. False when the queue is full: the caller lets the block through, uncharged.
  bool request(std::uint32_t block, Urgency urgency, Nanoseconds now);
  /// A thread waits now for a block that was requested ahead.
  void raise(std::uint32_t block, Nanoseconds now);
  /// Forgets a queued or moving block.
  void cancel(std::uint32_t block, Nanoseconds now);
  /// The next block that has arrived by `now`, in order of arrival.
  bool take_arrival(Nanoseconds now, Arrival& arrival);
  /// When the next block arrives if nothing else is requested; kNever when the link is idle.
  Nanoseconds next_arrival() const;

 private:
  struct Transfer {
    std::uint32_t block = 0;
    std::uint64_t left_ns = 0;
    Urgency urgency = Urgency::kDemand;
  };
  static constexpr std::uint32_t kQueue = 256;

  void advance(Nanoseconds now);
  void start_next(Nanoseconds at);
  void interrupt_read_ahead(Nanoseconds now);

  std::uint64_t transfer_ns_ = 0;
  std::uint64_t latency_ns_ = 0;
  bool busy_ = false;
  Transfer moving_;
  Nanoseconds moving_since_;
  Nanoseconds time_;  ///< the link's own time never goes back
  Ring<Transfer, kQueue> demand_;
  Ring<Transfer, kQueue> ahead_;
  Ring<Arrival, kQueue * 2> arrived_;
};

}  // namespace terrace::backing
