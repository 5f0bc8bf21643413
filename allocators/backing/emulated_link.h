// SPDX-License-Identifier: Apache-2.0
// Emulated links: memory that is delivered no faster than a link of a configured bandwidth and
// latency would, on a machine that has no such tier. Blocks are shared memory-file pages whose
// page-table entries are dropped a few milliseconds after they opened; the next touch faults, and
// a thread of ours lets it finish when the virtual link has delivered the block (link_clock.h).
// Figures from it are always called emulated. docs/emulated-link.md has asked against measured.
// Thread-safe; one LinkEngine per process; never allocates from the heap.
#pragma once

#include <atomic>
#include <cstdint>

#include <terrace/result.h>
#include <terrace/units.h>

#include "allocators/backing/link_clock.h"
#include "allocators/backing/read_ahead.h"
#include "allocators/base/mutex.h"
#include "allocators/os/memory_file.h"
#include "allocators/os/userfault.h"

namespace terrace::backing {

inline constexpr std::uint32_t kMaxLinks = 8;
/// How long an opened block stays open: a pass over it pays once, the next pass pays again. Two
/// touches within this time count as one, as they would with a cache before the link.
inline constexpr Nanoseconds kOpenTime = milliseconds(4);
/// A block that is touched again this soon after it closed was in use while it was open: its lines
/// are in the cache and cross no link. It is opened at once, and for longer each time, up to
/// kOpenTime << kMostStay. A scan comes back later than that unless a step takes less than 6 ms.
inline constexpr Nanoseconds kCachedWithin = milliseconds(2);
inline constexpr std::uint8_t kMostStay = 4;
/// What was read ahead and is not asked for this long is not in any buffer any more.
inline constexpr Nanoseconds kArrivalKept = milliseconds(20);

struct LinkConfig {
  GBps bandwidth;
  Nanoseconds latency;
};

struct LinkStatistics {
  std::uint64_t delivered_bytes = 0;
  std::uint64_t demand_waits = 0;    ///< faults that found their block not yet delivered
  std::uint64_t wait_ns = 0;         ///< that faults held threads up, the emulation's own cost too
  std::uint64_t ahead_blocks = 0;    ///< requested before anybody waited
  std::uint64_t cached_touches = 0;  ///< answered at once, see kCachedWithin
};

/// What counts as a pass over a block.
enum class Exactness : std::uint8_t {
  kPace,    ///< read-ahead opens blocks without a fault: fastest
  kRecord,  ///< every pass faults, so that passes() is exact
};

class LinkEngine {
 public:
  constexpr LinkEngine() = default;

  /// Blocks are numbered from `arena`. Opens userfaultfd, measures its own fault cost, starts the
  /// thread. Errors: kCapabilityMissing with the remedy; then nothing runs.
  Status start(void* arena, std::uint64_t arena_blocks, const LinkConfig* links,
               std::uint32_t link_count, Exactness exactness);
  bool running() const { return running_.load(std::memory_order_acquire); }
  const os::UserFault& faults() const { return faults_; }
  /// Half the time of a fault that is answered at once, as measured at the start.
  Nanoseconds fault_cost() const { return lead_; }

  /// Puts mapped blocks behind a link. The mapping is shared, of `file`, whose byte 0 is at block
  /// `file_start`; `file` outlives it. An errno value.
  int attach(std::uint32_t first, std::uint32_t count, std::uint32_t link,
             const os::MemoryFile& file, std::uint32_t file_start);
  /// Takes blocks from their link: afterwards the engine never touches them, nobody waits.
  void detach(std::uint32_t first, std::uint32_t count);
  /// Adds the passes over each block since the last call to passes[0..count).
  void take_passes(std::uint32_t first, std::uint32_t count, std::uint32_t* passes);
  LinkStatistics statistics(std::uint32_t link);
  /// CPU time of the engine's thread.
  Nanoseconds cpu_time() const { return Nanoseconds(cpu_ns_.load(std::memory_order_relaxed)); }

  /// fork: the engine holds still between the two, and is gone in the child.
  void lock_for_fork() { mutex_.lock(); }
  void unlock_after_fork() { mutex_.unlock(); }
  void abandon_in_child();

 private:
  enum class State : std::uint8_t { kClosed, kMoving, kArrived, kOpen };
  struct Block {
    std::uint8_t link = 0;  ///< index + 1; 0: not behind a link
    State state = State::kClosed;
    bool waited_for = false;
    bool marker = false;
    std::int32_t fd = -1;
    std::uint32_t file_start = 0;
    std::uint32_t passes = 0;
    std::uint8_t undelivered = 0;  ///< deliveries that the kernel refused, in a row
    std::uint8_t stay_shift = 0;   ///< it stays open kOpenTime << stay_shift
    std::uint64_t fault_ns = 0;
    std::uint64_t closed_ns = 0;
    std::uint64_t arrived_ns = 0;  ///< while kArrived
  };
  struct Opened {
    std::uint32_t block;
    Nanoseconds close_at;
  };
  struct Link {
    LinkClock clock;
    ReadAhead read_ahead;
    LinkStatistics statistics;
  };
  static constexpr std::uint32_t kMaxOpen = 1024;

  static void* thread_body(void* self);
  static std::uint32_t next_on_link(const void* self, std::uint32_t block);
  void run();
  bool turn(Nanoseconds now);
  Nanoseconds next_deadline() const;
  void on_fault(const os::FaultEvent& event, Nanoseconds now);
  int on_first_touch_of_page(std::uint32_t block);
  void leave_to_kernel(std::uint32_t block, Nanoseconds now);
  void end_deliveries();
  void wait_for(Block& block, Nanoseconds now);
  void end_wait(Block& block);
  void on_touch(std::uint32_t block, Nanoseconds now);
  void request_ahead(Link& link, std::uint32_t block, Nanoseconds now);
  void on_arrival(Link& link, const Arrival& arrival, Nanoseconds now);
  void open_block(std::uint32_t block, Nanoseconds now, Nanoseconds close_at);
  void close_due(Nanoseconds now);
  void close_block(std::uint32_t block, Nanoseconds now);
  bool still_cached(const Block& block, Nanoseconds now) const;
  void expire_arrival(Block& block, Nanoseconds now) const;
  Status prepare();
  void measure_fault_cost();
  void release_scratch();
  void* address_of(std::uint32_t block) const {
    return arena_ + (static_cast<std::uint64_t>(block) << kBlockShift);
  }
  Link& link_of(const Block& block) { return links_[block.link - 1]; }

  char* arena_ = nullptr;
  std::uint64_t arena_blocks_ = 0;
  Block* blocks_ = nullptr;
  std::uint32_t link_count_ = 0;
  Exactness exactness_ = Exactness::kPace;
  Nanoseconds lead_;
  std::atomic<bool> running_{false};
  std::atomic<std::uint64_t> cpu_ns_{0};
  os::UserFault faults_;
  std::uint32_t waited_blocks_ = 0;  ///< threads wait for so many blocks now
  void* scratch_ = nullptr;
  Mutex mutex_;
  Link links_[kMaxLinks];
  Ring<Opened, kMaxOpen> opened_;
};

}  // namespace terrace::backing
