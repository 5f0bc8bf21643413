// SPDX-License-Identifier: Apache-2.0
// Moves live memory between tiers: promotes and demotes ranges while the program goes on. NUMA to
// NUMA by move_pages in batches over several threads (a oneTBB task arena), to and from a DAX tier
// by copy and remap (allocators/extent/copy_remap.h). docs/life-of-a-move.md walks through it. For
// programs that link Terrace and for the command line; not part of the shim, which stays on libc.
// Thread-safe; allocates; has threads of its own, which a fork's child does not have: there a Mover
// may not be used. What it reports is read back from the kernel after the move.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>

#include <terrace/result.h>
#include <terrace/tier.h>
#include <terrace/units.h>

namespace terrace::migrate {

/// What became of a page.
enum class Outcome : std::uint8_t {
  kMoved,         ///< on the tier that was asked for, and was not before
  kAlreadyThere,  ///< was there before
  kNotPresent,    ///< has no place: never written, or swapped out
  kBusy,          ///< under I/O or otherwise held, twice in a row; worth another order later
  kNoMemory,      ///< none of the tier's nodes, or no block of the device, is free
  kNotAllowed,    ///< EPERM, or a node outside the cpuset
  kNotMapped,     ///< no memory at this address
  kShared,        ///< mapped by several processes and not moved for that
  kPoisoned,      ///< a memory error lies on it (EHWPOISON)
  kOther,         ///< any other errno; see MoveReport::other_errno
  kCancelled,     ///< cancel() came first
  kCount
};
const char* name_of(Outcome outcome);

/// A range to move. Whole pages: the ends are widened to them. A huge page that an end cuts moves
/// whole, only the range's part of it is counted.
struct MoveOrder {
  void* at = nullptr;
  Bytes size;
  const Tier* to = nullptr;  ///< must outlive the ticket
  int pid = 0;               ///< another process's memory: NUMA to NUMA only
};

struct MoveReport {
  std::array<std::uint64_t, static_cast<std::size_t>(Outcome::kCount)> pages{};
  Bytes page_size;       ///< unit of `pages`: the smallest page of the range, 4 KiB mostly
  Bytes moved;           ///< kMoved in bytes
  std::string refused;   ///< why nothing was tried, with what to do; empty: it was tried
  int other_errno = 0;   ///< the last one behind kOther
  int policy_errno = 0;  ///< why pages that come later may lie elsewhere; see Policy
  Nanoseconds elapsed;   ///< from its first batch on, while not paused; waits for the limit count
  Nanoseconds longest_hold;  ///< for copy and remap: the longest that a writer could have waited

  std::uint64_t count(Outcome outcome) const { return pages[static_cast<std::size_t>(outcome)]; }
  /// It was tried, and every page is on the tier or has no place.
  bool complete() const;
};

/// What becomes of the range's memory policy, which says where its later pages come from.
enum class Policy : std::uint8_t {
  kFollow,  ///< the tier's nodes are preferred (never strict: a full tier must not end a program),
            ///< so that untouched pages follow and the kernel's NUMA balancing leaves all of it
            ///< alone; this process only
  kLeave,   ///< as it was
};

struct MoverOptions {
  int threads = 2;         ///< at most; no more than the machine's run at once
  Bytes batch = MiB(16);   ///< of one move_pages call, in blocks of 2 MiB; pause, cancel and the
                           ///< limit act between batches
  Bytes bytes_per_second;  ///< over all orders together; 0: no limit. In any time t no more than
                           ///< t x this, and one batch, is begun
  Policy policy = Policy::kFollow;
};

struct Kernel;

class Mover {
 public:
  /// Errors: kUsage for options out of range. Copy and remap needs userfaultfd: without it orders
  /// to and from DAX tiers are refused with that reason, the others work.
  static Result<std::unique_ptr<Mover>> create(const MoverOptions& options);
  /// For tests: over another kernel than the real one (kernel.h).
  static Result<std::unique_ptr<Mover>> create(const MoverOptions& options, Kernel kernel);
  /// Cancels what has not been moved and waits for the threads.
  ~Mover();
  Mover(const Mover&) = delete;
  Mover& operator=(const Mover&) = delete;

  /// A ticket, to be waited for once.
  using Ticket = std::uint64_t;
  /// Orders are carried out one after the other, in this order: a promotion and a later demotion
  /// of the same range never meet. An order's batches run side by side.
  Ticket submit(const MoveOrder& order);
  /// Blocks until the order has ended. A ticket that was waited for is refused.
  MoveReport wait(Ticket ticket);
  MoveReport move(const MoveOrder& order) { return wait(submit(order)); }

  /// Nothing more of this order begins; what has begun is finished and counted.
  void cancel(Ticket ticket);
  /// Nothing moves from the next batch on, until resume().
  void pause();
  void resume();
  /// 0: no limit.
  void set_limit(Bytes bytes_per_second);

  /// Ranges of this process that must stay where they are: every order that begins later and
  /// touches one is refused whole.
  void pin(const void* at, Bytes size, std::string why);
  void unpin(const void* at);

 private:
  class Work;
  explicit Mover(std::unique_ptr<Work> work);
  std::unique_ptr<Work> work_;
};

}  // namespace terrace::migrate
