// SPDX-License-Identifier: Apache-2.0
// Memory errors under a context's tensors, for contexts that asked for it (TERRACE_OPEN_...): the
// handler of allocators/os/memory_error puts zeroed pages in the place of lost ones, or the bytes
// of the file that they were loaded from, and leaves a record; a thread of its own, which blocks
// all signals, tells the context. One watched range for the whole arena: tensors are found by
// address without a lock, and what the handler needs of a tensor's files is a snapshot by the
// object's number that changes as a whole.
// Callers of keep(), forget() serialise themselves (the context's memory lock); allocates.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "allocators/os/memory_error.h"
#include "allocators/os/thread.h"
#include "tiering/capi/memory.h"

namespace terrace::capi {

/// A file that stays open as long as any tensor may have to be read from it again.
struct KeptFile {
  int fd = -1;
  os::FileStamp stamp;
  KeptFile() = default;
  KeptFile(const KeptFile&) = delete;
  KeptFile& operator=(const KeptFile&) = delete;
  ~KeptFile();
  bool is_unchanged() const;
};

/// Bytes of a tensor that are what the file holds.
struct KeptRange {
  std::uint64_t begin = 0;  ///< in the tensor
  std::uint64_t end = 0;
  std::uint64_t file_offset = 0;
  std::shared_ptr<const KeptFile> file;
};

/// Orders by place; ranges do not overlap.
void insert(std::vector<KeptRange>& ranges, KeptRange range);
/// The ranges without [begin, end), in order.
std::vector<KeptRange> without(const std::vector<KeptRange>& ranges, std::uint64_t begin,
                               std::uint64_t end);

struct Loss {
  std::uint64_t tensor = 0;  ///< its handle
  char* at = nullptr;
  std::uint64_t offset = 0;  ///< of `at` in the tensor
  std::uint64_t bytes = 0;
  std::uint32_t tier = 0;  ///< extent::kMaxTiers: none
  bool restored = false;
};

class LossWatch {
 public:
  /// Runs in the watch's own thread.
  using Tell = void (*)(void* context, const Loss& loss);

  /// `memory` outlives it. Errors: of watch_memory(), and kIo without a thread.
  static Result<std::unique_ptr<LossWatch>> start(const Memory& memory, Tell tell, void* context);
  /// Nothing is told any more when this returns.
  ~LossWatch();
  LossWatch(const LossWatch&) = delete;
  LossWatch& operator=(const LossWatch&) = delete;

  /// The file behind `fd` as it is now, shared with whoever keeps it already; null when there is no
  /// descriptor left or the kernel does not say which file it is.
  std::shared_ptr<const KeptFile> open_again(int fd);
  /// From here on the object's lost bytes come from these ranges, which are in order.
  void keep(const extent::Object& object, const std::vector<KeptRange>& ranges);
  /// No handler reads the object's ranges, or is at work on its memory, when this returns; the
  /// arena does not find it any more.
  void forget(const extent::Object& object);
  /// In a fork's child, which has no such context.
  void end_in_child();

  /// Since it was started, each counted before the access that ran into the error goes on.
  Bytes lost() const { return Bytes(lost_.load()); }
  Bytes restored() const { return Bytes(restored_.load()); }
  /// Told to nobody, since more came at once than fit.
  std::uint64_t dropped() const { return dropped_.load(); }

 private:
  enum class SlotState : std::uint32_t { kFree, kChanging, kFull };
  struct Slot {
    std::atomic<SlotState> state{SlotState::kFree};
    Loss loss;
  };
  struct Snapshot {
    std::vector<KeptRange> ranges;
  };

  LossWatch(const Memory& memory, Tell tell, void* context);
  static os::PageOrigin origin_of(void* self, const void* at);
  static os::Restored restore(void* self, const char* at, char* into, Bytes size);
  static void note_lost(void* self, char* at, Bytes size);
  static void note_restored(void* self, char* at, Bytes size);
  static void* run(void* self);
  void note(char* at, Bytes size, os::Restored what);
  void take_off_tier(const extent::Object& object, std::uint32_t index) const;
  void drain();
  void publish(const extent::Object& object, std::unique_ptr<const Snapshot> next);
  std::atomic<const Snapshot*>& snapshot_of(const extent::Object& object) const;
  os::NodeMask nodes_of_another_tier(std::uint32_t failed) const;

  const Memory& memory_;
  const Tell tell_;
  void* const context_;
  os::WatchId watch_ = 0;
  bool watching_ = false;
  std::vector<std::weak_ptr<const KeptFile>> files_;
  std::unique_ptr<std::atomic<const Snapshot*>[]> snapshots_;
  std::array<Slot, 256> slots_;
  std::atomic<std::uint64_t> lost_{0};
  std::atomic<std::uint64_t> restored_{0};
  std::atomic<std::uint64_t> dropped_{0};
  std::atomic<bool> stopping_{false};
  os::Doorbell bell_;
  os::JoinedThread thread_;
};

}  // namespace terrace::capi
