// SPDX-License-Identifier: Apache-2.0
// Moves live memory between tiers: promotes and demotes ranges while the program goes on. NUMA to
// NUMA by move_pages in batches over several threads (a oneTBB task arena), to and from a DAX tier
// by copy and remap (allocators/extent/copy_remap.h). Fourth file on the walk of a move. For
// programs that link Terrace and for the command line; not part of the shim, which stays on libc.
// Thread-safe; allocates. What it reports is read back from the kernel after the move.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <terrace/result.h>
#include <terrace/tier.h>
#include <terrace/units.h>

namespace terrace::migrate {

/// What became of a page.
enum class Outcome : std::uint8_t {
  kMoved,         ///< on the tier that was asked for, and was not before
  kAlreadyThere,  ///< was there before
  kNotPresent,    ///< never touched, or swapped out: it has no place
  kBusy,          ///< under I/O or otherwise held just now (EBUSY, EAGAIN); worth another try
  kNoMemory,      ///< the tier's nodes have no free page (ENOMEM)
  kNotAllowed,    ///< EPERM, EACCES, or a node outside the cpuset
  kNotMapped,     ///< no memory at this address (EFAULT)
  kShared,        ///< mapped by several processes and not moved for that
  kPoisoned,      ///< a memory error lies on it (EHWPOISON)
  kOther,         ///< any other errno; see MoveReport::other_errno
  kCancelled,     ///< cancel() came first
  kCount
};
const char* name_of(Outcome outcome);

/// A range to move. Whole pages: the ends are widened to them.
struct MoveOrder {
  void* at = nullptr;
  Bytes size;
  const Tier* to = nullptr;  ///< must outlive the ticket
  int pid = 0;               ///< another process's memory: NUMA to NUMA only
};

struct MoveReport {
  std::array<std::uint64_t, static_cast<std::size_t>(Outcome::kCount)> pages{};
  Bytes page_size;      ///< unit of `pages`
  Bytes moved;          ///< kMoved in bytes
  std::string refused;  ///< why nothing was tried: pinned, locked, a device's own memory; empty: it
                        ///< was tried
  int other_errno = 0;  ///< the last one behind kOther
  Nanoseconds elapsed;  ///< while not paused
  Nanoseconds longest_hold;  ///< for copy and remap: the longest that a writer could have waited

  std::uint64_t count(Outcome outcome) const { return pages[static_cast<std::size_t>(outcome)]; }
  /// Every page is on the tier, or has no place.
  bool complete() const;
};

struct MoverOptions {
  int threads = 2;
  std::uint32_t batch_pages =
      512;                 ///< of one move_pages call; pause and cancel act between batches
  Bytes bytes_per_second;  ///< over all orders together; 0: no limit
};

class Mover {
 public:
  /// Errors: kUsage for options out of range. Copy and remap needs userfaultfd: without it orders
  /// to and from DAX tiers are refused with that reason, the others work.
  static Result<std::unique_ptr<Mover>> create(const MoverOptions& options);
  /// Cancels what has not been moved and waits for the threads.
  ~Mover();
  Mover(const Mover&) = delete;
  Mover& operator=(const Mover&) = delete;

  /// A ticket, to be waited for once.
  using Ticket = std::uint64_t;
  Ticket submit(const MoveOrder& order);
  /// Blocks until the order has ended.
  MoveReport wait(Ticket ticket);
  MoveReport move(const MoveOrder& order) { return wait(submit(order)); }

  void cancel(Ticket ticket);
  /// Nothing moves from the next batch on, until resume().
  void pause();
  void resume();
  /// 0: no limit.
  void set_limit(Bytes bytes_per_second);

  /// Ranges that must stay where they are: every order that touches one is refused whole.
  void pin(const void* at, Bytes size, std::string why);
  void unpin(const void* at);

 private:
  struct Work;
  explicit Mover(std::unique_ptr<Work> work);
  std::unique_ptr<Work> work_;
};

}  // namespace terrace::migrate
