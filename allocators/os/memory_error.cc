// SPDX-License-Identifier: Apache-2.0
#include "allocators/os/memory_error.h"

#include <sched.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cerrno>
#include <cstring>

#include "allocators/os/bus_signal.h"
#include "allocators/os/fault_point.h"
#include "allocators/os/files.h"
#include "allocators/os/mapping.h"
#include "allocators/os/memory_file.h"

namespace terrace::os {
namespace {

enum class EntryState : std::uint32_t { kFree, kChanging, kWatched };

/// A handler counts itself in before it looks at the state: who unwatches waits for zero.
struct Entry {
  std::atomic<EntryState> state{EntryState::kFree};
  std::atomic<std::uint32_t> handlers{0};
  WatchedMemory memory;
};
constexpr std::uint32_t kEntries = 1024;
constinit Entry entries[kEntries];
constinit std::atomic<std::uint32_t> entries_used{0};
constinit MemoryErrorCounters counters;

// Threads that fault on the same piece: the first one mends it, the others wait and try again. A
// piece has one slot, so that two threads can never claim it in two places; pieces that share a
// slot wait for each other.
struct Claim {
  std::atomic<std::uintptr_t> begin{0};
  std::atomic<pid_t> thread{0};
};
constexpr std::uint32_t kClaims = 64;
constinit Claim claims[kClaims];

Claim& claim_of(std::uintptr_t begin) {
  // Pieces are pages of 4 KiB or blocks of 2 MiB.
  return claims[(begin >> 12 ^ begin >> 21) % kClaims];
}

// Pieces that were mended, newest over oldest. A thread whose signal was under way meanwhile finds
// its piece here and must not mend it again over what was written since.
constexpr std::uint32_t kMended = 64;
constinit std::atomic<std::uintptr_t> mended[kMended];
constinit std::atomic<std::uint64_t> mended_count{0};
constinit thread_local std::uint64_t mended_seen = 0;

/// One line for each kind of event, without any formatting: this is a signal handler.
void say_once(std::atomic<bool>& said, const char* line) {
  if (said.exchange(true)) return;
  // Nothing is left to be done about a message that cannot be written.
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, line, std::strlen(line));
}
constinit std::atomic<bool> said_reread{false};
constinit std::atomic<bool> said_reported{false};
constinit std::atomic<bool> said_changed{false};
constinit std::atomic<bool> said_failed{false};

/// The watched range that holds an address, held against unwatch_memory().
class Held {
 public:
  explicit Held(const char* at) {
    const std::uint32_t used = entries_used.load();
    for (std::uint32_t i = 0; i < used && entry_ == nullptr; ++i) {
      Entry& entry = entries[i];
      entry.handlers.fetch_add(1);
      const bool watched = entry.state.load() == EntryState::kWatched;
      if (watched && at >= entry.memory.at && at < entry.memory.at + entry.memory.size.value) {
        entry_ = &entry;
      } else {
        entry.handlers.fetch_sub(1);
      }
    }
  }
  ~Held() {
    if (entry_ != nullptr) entry_->handlers.fetch_sub(1);
  }
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;
  const WatchedMemory* memory() const { return entry_ != nullptr ? &entry_->memory : nullptr; }

 private:
  Entry* entry_ = nullptr;
};

enum class Turn {
  kOurs,      ///< this thread mends the piece
  kTryAgain,  ///< another one did
  kNobodys,   ///< this thread failed while it mended that very piece, or one of its slot
};

class MendTurn {
 public:
  explicit MendTurn(std::uintptr_t begin) {
    Claim& claim = claim_of(begin);
    const pid_t self = gettid();
    std::uintptr_t holder = 0;
    while (!claim.begin.compare_exchange_strong(holder, begin)) {
      if (claim.thread.load() == self) return;
      while (claim.begin.load() == holder) sched_yield();
      if (holder == begin) {
        turn_ = Turn::kTryAgain;
        return;
      }
      holder = 0;
    }
    claim.thread.store(self);
    mine_ = &claim;
    turn_ = mended_meanwhile(begin) ? Turn::kTryAgain : Turn::kOurs;
  }
  ~MendTurn() {
    if (mine_ == nullptr) return;
    mine_->thread.store(0);
    mine_->begin.store(0);
  }
  MendTurn(const MendTurn&) = delete;
  MendTurn& operator=(const MendTurn&) = delete;
  Turn turn() const { return turn_; }

 private:
  static bool mended_meanwhile(std::uintptr_t begin) {
    const std::uint64_t now = mended_count.load();
    const std::uint64_t oldest = now > kMended ? now - kMended : 0;
    const std::uint64_t from = mended_seen > oldest ? mended_seen : oldest;
    mended_seen = now;
    for (std::uint64_t i = from; i < now; ++i) {
      if (mended[i % kMended].load() == begin) return true;
    }
    return false;
  }

  Claim* mine_ = nullptr;
  Turn turn_ = Turn::kNobodys;
};

void note_mended(std::uintptr_t begin) {
  const std::uint64_t at = mended_count.fetch_add(1);
  mended[at % kMended].store(begin);
  mended_seen = at + 1;
}

struct Piece {
  char* at = nullptr;
  Bytes size;
};

/// The units of the range that the error covers.
Piece piece_of(const WatchedMemory& memory, const PageOrigin& origin, const BusError& error) {
  const Bytes unit = origin.unit < error.extent ? error.extent : origin.unit;
  const auto at = reinterpret_cast<std::uintptr_t>(error.at);
  auto begin = at & ~(unit.value - 1);
  auto end = begin + unit.value;
  const auto first = reinterpret_cast<std::uintptr_t>(memory.at);
  if (begin < first) begin = first;
  if (end > first + memory.size.value) end = first + memory.size.value;
  return {reinterpret_cast<char*>(begin), Bytes(end - begin)};
}

/// The piece's content from its file; what lies beyond the end is zero, as in a mapping.
int reread(const WatchedMemory& memory, const Piece& piece, void* to) {
  if (const auto now = stamp_of(memory.file); !now || *now != memory.stamp) return ESTALE;
  const auto size = static_cast<std::uint64_t>(memory.stamp.size_bytes);
  const std::uint64_t from = memory.file_offset + static_cast<std::uint64_t>(piece.at - memory.at);
  if (from >= size) return 0;
  const std::uint64_t left = size - from;
  const int error =
      read_fully(memory.file, to, left < piece.size.value ? left : piece.size.value, from);
  if (error != 0) return error;
  // It may have been written while it was read.
  const auto after = stamp_of(memory.file);
  return after && *after == memory.stamp ? 0 : ESTALE;
}

/// What takes the place of the piece, into fresh zeroed pages.
int fill(const WatchedMemory& memory, const Piece& piece, char* fresh, Restored& restored) {
  if (memory.on_loss == OnLoss::kReport) return 0;
  if (memory.on_loss == OnLoss::kRestore) {
    restored = memory.restore(memory.context, piece.at, fresh, piece.size);
    return restored == Restored::kRefused ? ECANCELED : 0;
  }
  restored = Restored::kContent;
  const int error = reread(memory, piece, fresh);
  return error == 0 ? protect_read_only(fresh, piece.size) : error;
}

/// New pages take the place of the lost ones in one step: who reads sees the old error or the new
/// content, never zeros in between. An errno value.
int renew(const WatchedMemory& memory, const PageOrigin& origin, const Piece& piece,
          Restored& restored) {
  MemoryFile file;
  if (origin.memory_file) {
    auto made = MemoryFile::create(piece.size, PageKind::kSmall);
    if (!made) return made.error().saved_errno;
    file = std::move(*made);
  }
  void* const fresh =
      file.is_open() ? map_view(piece.size, file.fd(), 0) : map_private_at(nullptr, piece.size);
  if (fresh == nullptr) return ENOMEM;
  // Where the kernel refuses, any healthy memory is better than none.
  if (!origin.healthy.empty()) {
    bind_range(fresh, piece.size, origin.healthy, Binding::kPreferred, Existing::kLeave);
  }
  int error = fill(memory, piece, static_cast<char*>(fresh), restored);
  if (error == 0) error = move_mapping(fresh, piece.size, piece.at);
  if (error != 0) unmap(fresh, piece.size);
  return error;
}

bool account(const WatchedMemory& memory, const Piece& piece, Restored restored, int error) {
  counters.errors.fetch_add(1);
  if (error != 0) {
    counters.not_mended.fetch_add(1);
    if (error == ESTALE) {
      say_once(said_changed,
               "terrace: memory error under a file's pages, and the file is not what it was: "
               "the program gets the signal; leave weights alone while they are in use\n");
    } else {
      say_once(said_failed,
               "terrace: memory error, and no healthy memory with the same content could be had: "
               "the program gets the signal\n");
    }
    return false;
  }
  note_mended(reinterpret_cast<std::uintptr_t>(piece.at));
  if (restored == Restored::kContent) {
    counters.reread_bytes.fetch_add(piece.size.value);
    say_once(said_reread,
             "terrace: memory error in a tier: the lost pages were read again from their file "
             "into healthy memory\n");
    if (memory.restored != nullptr) memory.restored(memory.context, piece.at, piece.size);
    return true;
  }
  counters.reported_bytes.fetch_add(piece.size.value);
  say_once(said_reported,
           "terrace: memory error in a tier: the lost range is reported to its owner\n");
  if (memory.lost != nullptr) memory.lost(memory.context, piece.at, piece.size);
  return true;
}

bool mend(const BusError& error) {
  const Held held(static_cast<const char*>(error.at));
  const WatchedMemory* const memory = held.memory();
  if (memory == nullptr) return false;
  const PageOrigin origin =
      memory->origin != nullptr ? memory->origin(memory->context, error.at) : PageOrigin{};
  const Piece piece = piece_of(*memory, origin, error);
  const MendTurn turn(reinterpret_cast<std::uintptr_t>(piece.at));
  if (turn.turn() != Turn::kOurs) return turn.turn() == Turn::kTryAgain;
  Restored restored = Restored::kNothing;
  const int failed = renew(*memory, origin, piece, restored);
  return account(*memory, piece, restored, failed);
}

}  // namespace

std::optional<FileStamp> stamp_of(int fd) {
  if (injected_error(SystemCall::kStat) != 0) return std::nullopt;
  const int saved = errno;
  struct stat status {};
  const bool known = fstat(fd, &status) == 0;
  errno = saved;
  if (!known) return std::nullopt;
  return FileStamp{status.st_dev, status.st_ino, status.st_size, status.st_mtim.tv_sec,
                   status.st_mtim.tv_nsec};
}

Result<WatchId> watch_memory(const WatchedMemory& memory) {
  if (const int error = take_bus_signal(&mend); error != 0) {
    return make_error(ErrorCode::kIo, error,
                      "SIGBUS cannot be handled: %s; a memory error will end the program",
                      std::strerror(error));
  }
  for (std::uint32_t i = 0; i < kEntries; ++i) {
    auto expected = EntryState::kFree;
    if (!entries[i].state.compare_exchange_strong(expected, EntryState::kChanging)) continue;
    // A handler that looked at the entry before reads it no more once its count is back.
    while (entries[i].handlers.load() != 0) sched_yield();
    entries[i].memory = memory;
    std::uint32_t used = entries_used.load();
    while (used <= i && !entries_used.compare_exchange_weak(used, i + 1)) {
    }
    entries[i].state.store(EntryState::kWatched);
    return i;
  }
  return make_error(ErrorCode::kUsage, 0, "memory errors are watched in at most %u ranges",
                    kEntries);
}

void unwatch_memory(WatchId id) {
  entries[id].state.store(EntryState::kChanging);
  while (entries[id].handlers.load() != 0) sched_yield();
  entries[id].state.store(EntryState::kFree);
}

void settle_handlers(WatchId id) {
  while (entries[id].handlers.load() != 0) sched_yield();
}

void watch_in_child() {
  for (Claim& claim : claims) {
    claim.thread.store(0);
    claim.begin.store(0);
  }
  const std::uint32_t used = entries_used.load();
  for (std::uint32_t i = 0; i < used; ++i) entries[i].handlers.store(0);
  bus_signal_in_child();
}

const MemoryErrorCounters& memory_error_counters() {
  return counters;
}

}  // namespace terrace::os
