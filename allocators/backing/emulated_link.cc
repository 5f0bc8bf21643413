// SPDX-License-Identifier: Apache-2.0
// The engine's outside: start, attach, detach, statistics. Its thread is in link_faults.cc.
#include "allocators/backing/emulated_link.h"

#include <cstring>

#include "allocators/os/clock.h"
#include "allocators/os/mapping.h"
#include "allocators/os/thread.h"

namespace terrace::backing {

Status LinkEngine::start(void* arena, std::uint64_t arena_blocks, const LinkConfig* links,
                         std::uint32_t link_count, Exactness exactness) {
  arena_ = static_cast<char*>(arena);
  arena_blocks_ = arena_blocks;
  exactness_ = exactness;
  link_count_ = link_count;
  for (std::uint32_t i = 0; i < link_count; ++i) {
    const double ns = static_cast<double>(kBlockBytes.value) / links[i].bandwidth.value;
    if (!(ns < 1e15)) {  // more than ten days for a block, and what dividing by 0 gives
      return make_error(ErrorCode::kUsage, 0,
                        "emulated link %u: bandwidth of %g GB/s; state one above 0 in the tier "
                        "file",
                        i, links[i].bandwidth.value);
    }
    links_[i].clock.configure(Nanoseconds(static_cast<std::uint64_t>(ns)), links[i].latency);
  }
  Status prepared = prepare();
  if (prepared) {
    running_.store(true, std::memory_order_release);
    if (const int error = os::start_thread(&thread_body, this, "terrace-link"); error != 0) {
      running_.store(false);
      prepared = make_error(ErrorCode::kCapabilityMissing, error, "emulated link: no thread: %s",
                            std::strerror(error));
    }
  }
  if (prepared) {
    measure_fault_cost();
    return prepared;
  }
  const Bytes table = round_up_to_block(Bytes(arena_blocks_ * sizeof(Block)));
  if (blocks_ != nullptr) os::unmap(blocks_, table);
  blocks_ = nullptr;
  release_scratch();
  faults_.close();
  return prepared;
}

/// Everything that can fail, before the thread runs: so a failed start leaves nothing behind.
Status LinkEngine::prepare() {
  auto opened = os::UserFault::open();
  if (!opened) return opened.error();
  faults_ = std::move(*opened);
  const Bytes table = round_up_to_block(Bytes(arena_blocks_ * sizeof(Block)));
  blocks_ = static_cast<Block*>(os::reserve_address_space(table));
  if (blocks_ == nullptr || os::map_private(blocks_, table, os::PageAdvice::kNone) != 0) {
    return make_error(ErrorCode::kIo, 0, "emulated link: no address space for its block table");
  }
  // The file may be closed at the end of this function: the mapping holds its pages.
  auto file = os::MemoryFile::create(kBlockBytes, os::PageKind::kSmall);
  if (!file) return file.error();
  scratch_ = os::reserve_address_space(kBlockBytes);
  if (scratch_ == nullptr || os::map_shared_file(scratch_, kBlockBytes, file->fd(), 0) != 0 ||
      file->allocate(0, kBlockBytes) != 0) {
    return make_error(ErrorCode::kIo, 0, "emulated link: no memory for measuring its fault cost");
  }
  if (const int error = faults_.watch_delivery(scratch_, kBlockBytes); error != 0) {
    return make_error(ErrorCode::kCapabilityMissing, error,
                      "emulated link: shared memory cannot be watched: %s", std::strerror(error));
  }
  return ok_status();
}

/// Touches a page of our own that the thread answers at once, and takes the median. The time is
/// the emulation's, not the link's, so waits are shortened by it (half before, half after).
void LinkEngine::measure_fault_cost() {
  constexpr int kRounds = 15;
  constexpr Nanoseconds kPause = microseconds(300);
  std::uint64_t spans[kRounds];
  for (std::uint64_t& span : spans) {
    os::drop_pages(scratch_, kBlockBytes);
    os::sleep_for(kPause);  // the link's thread shall be asleep, as it is when a program computes
    const Nanoseconds before = os::monotonic_now();
    [[maybe_unused]] const char value = *static_cast<volatile char*>(scratch_);
    span = (os::monotonic_now() - before).value;
  }
  for (int i = 0; i < kRounds; ++i) {
    for (int j = i; j > 0 && spans[j] < spans[j - 1]; --j) std::swap(spans[j], spans[j - 1]);
  }
  const LockGuard guard(mutex_);
  lead_ = Nanoseconds(spans[kRounds / 2] / 2);
  faults_.unwatch(scratch_, kBlockBytes);
  release_scratch();
}

void LinkEngine::release_scratch() {
  if (scratch_ != nullptr) os::unmap(scratch_, kBlockBytes);
  scratch_ = nullptr;
}

int LinkEngine::attach(std::uint32_t first, std::uint32_t count, std::uint32_t link,
                       const os::MemoryFile& file, std::uint32_t file_start) {
  const LockGuard guard(mutex_);
  const Bytes size(static_cast<std::uint64_t>(count) << kBlockShift);
  for (std::uint32_t i = first; i < first + count; ++i) {
    blocks_[i] = Block{};
    blocks_[i].link = static_cast<std::uint8_t>(link + 1);
    blocks_[i].fd = file.fd();
    blocks_[i].file_start = file_start;
  }
  const int error = faults_.watch_delivery(address_of(first), size);
  if (error != 0) {
    for (std::uint32_t i = first; i < first + count; ++i) blocks_[i] = Block{};
  }
  return error;
}

void LinkEngine::detach(std::uint32_t first, std::uint32_t count) {
  const Nanoseconds now = os::monotonic_now();
  const LockGuard guard(mutex_);
  for (std::uint32_t i = first; i < first + count; ++i) {
    Block& block = blocks_[i];
    if (block.link == 0) continue;
    if (block.state == State::kMoving) link_of(block).clock.cancel(i, now);
    link_of(block).read_ahead.forget(i, 1);
    end_wait(block);
    block.link = 0;
  }
  for (std::uint32_t i = 0; i < opened_.size();) {
    if (opened_[i].block >= first && opened_[i].block - first < count) {
      opened_.erase(i);
    } else {
      ++i;
    }
  }
  const Bytes size(static_cast<std::uint64_t>(count) << kBlockShift);
  faults_.unwatch(address_of(first), size);
  faults_.wake(address_of(first), size);
}

void LinkEngine::take_passes(std::uint32_t first, std::uint32_t count, std::uint32_t* passes) {
  const LockGuard guard(mutex_);
  for (std::uint32_t i = 0; i < count; ++i) {
    passes[i] += blocks_[first + i].passes;
    blocks_[first + i].passes = 0;
  }
}

LinkStatistics LinkEngine::statistics(std::uint32_t link) {
  const LockGuard guard(mutex_);
  return links_[link].statistics;
}

void LinkEngine::abandon_in_child() {
  running_.store(false);
  mutex_.reset_in_child();
  faults_.close();
}

}  // namespace terrace::backing
