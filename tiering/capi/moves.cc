// SPDX-License-Identifier: Apache-2.0
// One piece of a move: at most kPieceBlocks blocks of a tensor to a tier. From nodes to nodes the
// mover has the kernel migrate the pages; wherever a device, file or emulated link is involved
// they are exchanged by copy and remap, block by block. The tensor is marked as moving, so that its
// memory stays meanwhile; capacity is taken first and given back last.
#include "tiering/capi/moves.h"

#include <algorithm>

#include "allocators/base/block_bytes.h"
#include "allocators/os/clock.h"

namespace terrace::capi {
namespace {

terrace_status failure_of(const migrate::MoveReport& report, const char* tier) {
  using migrate::Outcome;
  if (!report.refused.empty()) return fail(TERRACE_BUSY, "%s", report.refused.c_str());
  const auto count = [&](Outcome outcome) {
    return static_cast<unsigned long long>(report.count(outcome));
  };
  if (count(Outcome::kNoMemory) != 0) {
    return fail(TERRACE_NO_ROOM, "tier %s: its nodes had no memory for %llu pages", tier,
                count(Outcome::kNoMemory));
  }
  if (count(Outcome::kNotAllowed) != 0) {
    return fail(TERRACE_UNSUPPORTED,
                "tier %s: the kernel does not let this process move %llu pages there (cpuset, or "
                "rights)",
                tier, count(Outcome::kNotAllowed));
  }
  if (count(Outcome::kBusy) != 0) {
    return fail(TERRACE_BUSY, "%llu pages are held by the kernel (I/O under way); try again",
                count(Outcome::kBusy));
  }
  if (count(Outcome::kNotMapped) != 0) {
    return fail(TERRACE_BAD_ARGUMENT, "%llu pages are not mapped any more",
                count(Outcome::kNotMapped));
  }
  return fail(TERRACE_IO, "%llu pages did not move: shared with others, poisoned, or errno %d",
              count(Outcome::kShared) + count(Outcome::kPoisoned) + count(Outcome::kOther),
              report.other_errno);
}

}  // namespace

terrace_status Piece::run() {
  if (tensor_.adopted) return move_adopted();
  const extent::Object& object = *tensor_.object;
  const std::uint32_t stop = std::min(end_, object.block_count);
  for (std::uint32_t begin = first_; begin < stop;) {
    // Only this piece changes the map of a tensor that is moving.
    const std::uint8_t* const tiers = memory_.arena.tiers_of(object);
    std::uint32_t end = begin + 1;
    while (end < stop && tiers[end] == tiers[begin]) ++end;
    if (tiers[begin] != to_) {
      const terrace_status moved = move_run(begin, end - begin, tiers[begin]);
      if (moved != TERRACE_OK) return moved;
    }
    begin = end;
  }
  return TERRACE_OK;
}

/// Takes room for up to `count` blocks on the target; how many.
std::uint32_t Piece::take_room(std::uint32_t count) {
  const std::uint64_t free = memory_.capacity.free_blocks(to_);
  const auto taken = static_cast<std::uint32_t>(std::min<std::uint64_t>(free, count));
  for (std::uint32_t i = 0; i < taken; ++i) memory_.capacity.take_block(to_);
  return taken;
}

/// The block is on the target now: its old room is free.
void Piece::settle(std::uint32_t block, std::uint8_t from) {
  memory_.arena.tiers_of(*tensor_.object)[block] = static_cast<std::uint8_t>(to_);
  if (from < TERRACE_MAX_TIERS) {
    memory_.capacity.give_back(from);
    tensor_.tier_blocks[from].fetch_sub(1);
  }
  tensor_.tier_blocks[to_].fetch_add(1);
  result_.moved_blocks_from(from);
}

terrace_status Piece::move_run(std::uint32_t first, std::uint32_t count, std::uint8_t from) {
  std::unique_lock lock(memory_lock_);
  if (!memory_.extents.room_for_mappings()) {
    return fail(TERRACE_NO_MEMORY,
                "the tensors use half of the mappings that the kernel allows a process; raise "
                "vm.max_map_count");
  }
  const std::uint32_t taken = take_room(count);
  terrace_status done = TERRACE_OK;
  if (taken != 0) {
    const bool by_pages = !memory_.is_shared(from) && !memory_.is_shared(to_);
    done = by_pages ? migrate_run(first, taken, from, lock) : exchange(first, taken, from);
    memory_.extents.recount_mappings(*tensor_.object);
  }
  if (done != TERRACE_OK || taken == count) return done;
  return fail(TERRACE_NO_ROOM, "tier %s is full", tier().name.c_str());
}

/// Gives back room that was taken for blocks which did not come.
void Piece::return_room(std::uint32_t blocks) {
  for (std::uint32_t i = 0; i < blocks; ++i) memory_.capacity.give_back(to_);
}

terrace_status Piece::migrate_run(std::uint32_t first, std::uint32_t count, std::uint8_t from,
                                  std::unique_lock<std::mutex>& lock) {
  char* const at = memory_.arena.address_of(tensor_.object->first_block + first);
  lock.unlock();
  const migrate::MoveReport report = mover_.move({at, bytes_of_blocks(count), &tier()});
  lock.lock();
  std::uint32_t stayed = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    if (report.complete() || is_there(at + bytes_of_blocks(i).value)) {
      settle(first + i, from);
    } else {
      ++stayed;
    }
  }
  return_room(stayed);
  return report.complete() ? TERRACE_OK : failure_of(report, tier().name.c_str());
}

/// By one page of the block, after a move that did not move everything.
bool Piece::is_there(const char* block) const {
  std::uint32_t by_node[os::kMaxNodes] = {};
  if (os::sample_nodes(block, kBlockBytes, by_node, os::kMaxNodes, 1) != 0) return false;
  for (std::uint32_t node = 0; node < os::kMaxNodes; ++node) {
    if (by_node[node] != 0) return memory_.nodes[to_].has(node);
  }
  return false;
}

terrace_status Piece::exchange(std::uint32_t first, std::uint32_t count, std::uint8_t from) {
  if (!memory_.exchange.possible()) {
    return_room(count);
    return fail(memory_.no_exchange);
  }
  for (std::uint32_t i = 0; i < count; ++i) {
    const Nanoseconds begun = os::monotonic_now();
    const int error = exchange_block(first + i, from);
    result_.note_hold(os::monotonic_now() - begun);
    if (error == 0) continue;
    return_room(count - i);
    return fail_by_errno(error, "exchanging a tensor's pages");
  }
  return TERRACE_OK;
}

/// Device, file or link -> private memory -> device, file or link; either end may be missing. On
/// an error the block is on no tier, as ordinary memory, or where it was.
int Piece::exchange_block(std::uint32_t index, std::uint8_t from) {
  extent::Object& object = *tensor_.object;
  std::uint8_t& tier_now = memory_.arena.tiers_of(object)[index];
  const std::uint32_t block = object.first_block + index;
  if (memory_.is_shared(from)) {
    const bool on_pool = memory_.extents.pools().on_pool(from);
    const int error = memory_.exchange.make_private(memory_.extents, object, block, 1);
    if (error != 0) return error;  // it is still there
    // Where it is refused the file keeps pages that nobody sees, until the tensor ends.
    if (!on_pool) (void)object.file.punch(bytes_of_blocks(index).value, kBlockBytes);
  }
  tier_now = static_cast<std::uint8_t>(to_);
  if (!memory_.is_shared(to_)) {
    memory_.extents.bind_run(block, 1, tier_now, os::Existing::kMove);
    settle(index, from);
    return 0;
  }
  const int error = memory_.exchange.place_block(memory_.extents, object, index);
  if (error == 0) {
    settle(index, from);
    return 0;
  }
  // Private memory as before, or on no tier when it came from a device, file or link.
  tier_now = memory_.is_shared(from) ? extent::kNoTier : from;
  if (tier_now == extent::kNoTier && from < TERRACE_MAX_TIERS) {
    memory_.capacity.give_back(from);
    tensor_.tier_blocks[from].fetch_sub(1);
  }
  return error;
}

terrace_status Piece::move_adopted() {
  const std::uint64_t begin = bytes_of_blocks(first_).value;
  const std::uint64_t end = std::min(bytes_of_blocks(end_).value, tensor_.bytes.value);
  if (begin >= end) return TERRACE_OK;
  const migrate::MoveReport report =
      mover_.move({tensor_.address + begin, Bytes(end - begin), &tier()});
  result_.adopted += report.moved;
  return report.complete() ? TERRACE_OK : failure_of(report, tier().name.c_str());
}

}  // namespace terrace::capi
