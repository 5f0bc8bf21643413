// SPDX-License-Identifier: Apache-2.0
// The link engine's thread: faults in, deliveries out, open blocks closed again.
#include "allocators/backing/emulated_link.h"

#include <cerrno>

#include "allocators/os/clock.h"
#include "allocators/os/mapping.h"
#include "allocators/os/thread.h"

namespace terrace::backing {
namespace {

// A sleeping thread wakes some 50 us late here, so the last stretch before a delivery that a
// thread waits for is spent awake.
constexpr Nanoseconds kAwakeBefore = microseconds(120);
constexpr Nanoseconds kLongestSleep = milliseconds(100);
// How long a block stays open that was opened ahead of a stream whose pace is not known yet.
constexpr Nanoseconds kUnknownPace = milliseconds(2);
constexpr Nanoseconds kLongestOpen = milliseconds(60);
// A delivery that the kernel refuses this often in a row is refused for good.
constexpr std::uint8_t kMostTries = 8;

}  // namespace

void* LinkEngine::thread_body(void* self) {
  os::precise_timers();
  static_cast<LinkEngine*>(self)->run();
  return nullptr;
}

void LinkEngine::run() {
  while (running()) {
    Nanoseconds now = os::monotonic_now();
    bool active;
    Nanoseconds deadline;
    Nanoseconds awake;
    {
      const LockGuard guard(mutex_);
      active = turn(now);
      deadline = next_deadline();
      // What nobody waits for may open a little late; being awake takes time from the program.
      awake = waited_blocks_ != 0 ? kAwakeBefore : Nanoseconds();
    }
    if (active) continue;
    now = os::monotonic_now();
    if (deadline > now + awake) {
      const Nanoseconds sleep = deadline - now - awake;
      cpu_ns_.store(os::thread_cpu_now().value, std::memory_order_relaxed);
      faults_.wait_event(sleep < kLongestSleep ? sleep : kLongestSleep);
    } else {
      os::relax();
    }
  }
}

/// One look at everything; true when there was a fault to answer.
bool LinkEngine::turn(Nanoseconds now) {
  os::FaultEvent events[16];
  const int count = faults_.read_events(events, 16);
  for (int i = 0; i < count; ++i) on_fault(events[i], now);
  if (count > 0) now = os::monotonic_now();  // a first touch may have taken milliseconds
  for (std::uint32_t i = 0; i < link_count_; ++i) {
    Arrival arrival;
    while (links_[i].clock.take_arrival(now + lead_, arrival)) on_arrival(links_[i], arrival, now);
  }
  close_due(now);
  return count > 0;
}

Nanoseconds LinkEngine::next_deadline() const {
  auto* self = const_cast<LinkEngine*>(this);
  Nanoseconds next = kNever;
  for (std::uint32_t i = 0; i < link_count_; ++i) {
    const Nanoseconds arrival = links_[i].clock.next_arrival();
    if (arrival != kNever && arrival - lead_ < next) next = arrival - lead_;
  }
  for (std::uint32_t i = 0; i < opened_.size(); ++i) {
    // Closing may be late: no thread waits for it.
    const Nanoseconds close = self->opened_[i].close_at + kAwakeBefore;
    if (close < next) next = close;
  }
  return next;
}

void LinkEngine::on_fault(const os::FaultEvent& event, Nanoseconds now) {
  if (event.kind == os::FaultKind::kWriteProtect) return;  // whoever protected it wakes it
  const auto base = reinterpret_cast<std::uintptr_t>(arena_);
  if (event.address < base || event.address - base >= arena_blocks_ << kBlockShift) {
    if (scratch_ != nullptr && faults_.deliver(scratch_, KiB(4)) != 0) {
      // Whoever measures must not hang: the kernel answers from here on.
      if (faults_.unwatch(scratch_, kBlockBytes) != 0) return end_deliveries();
      faults_.wake(scratch_, kBlockBytes);
    }
    return;
  }
  const auto index = static_cast<std::uint32_t>((event.address - base) >> kBlockShift);
  Block& block = blocks_[index];
  if (block.link == 0) {  // detached since: its thread was woken and looks again
    faults_.wake(address_of(index), kBlockBytes);
    return;
  }
  if (event.kind == os::FaultKind::kMissing) {
    if (on_first_touch_of_page(index) != 0) {
      leave_to_kernel(index, now);
      return;
    }
    // Finding and zeroing a huge page takes up to milliseconds, in which the block would be due to
    // close before its toucher woke up.
    now = os::monotonic_now();
  }
  if (block.waited_for) return;  // another thread waits for it already
  on_touch(index, now - lead_);
}

/// The file has no page yet: make it, zeroed, so that every later touch is a minor fault.
int LinkEngine::on_first_touch_of_page(std::uint32_t index) {
  const Block& block = blocks_[index];
  const std::uint64_t offset = static_cast<std::uint64_t>(index - block.file_start) << kBlockShift;
  return os::MemoryFile::allocate_in(block.fd, offset, kBlockBytes);
}

/// There is no memory for this block: without us the kernel gives its own answer (it reclaims, or
/// ends somebody), and the toucher does not fault here again for ever.
void LinkEngine::leave_to_kernel(std::uint32_t index, Nanoseconds now) {
  Block& block = blocks_[index];
  if (block.state == State::kMoving) link_of(block).clock.cancel(index, now);
  for (std::uint32_t i = 0; i < opened_.size(); ++i) {
    if (opened_[i].block != index) continue;
    opened_.erase(i);
    break;
  }
  end_wait(block);
  block.link = 0;
  if (faults_.unwatch(address_of(index), kBlockBytes) != 0) return end_deliveries();
  faults_.wake(address_of(index), kBlockBytes);
}

/// Not even a range can be given back: with its last descriptor the kernel forgets them all and
/// lets everybody go. Nothing is paced from here on, and nothing new comes behind a link.
void LinkEngine::end_deliveries() {
  faults_.close();
  for (std::uint64_t i = 0; i < arena_blocks_; ++i) {
    if (blocks_[i].link == 0) continue;
    end_wait(blocks_[i]);
    blocks_[i].link = 0;
  }
  while (!opened_.empty()) opened_.pop();
}

void LinkEngine::wait_for(Block& block, Nanoseconds now) {
  if (!block.waited_for) ++waited_blocks_;
  block.waited_for = true;
  block.fault_ns = now.value;
}

void LinkEngine::end_wait(Block& block) {
  if (block.waited_for) --waited_blocks_;
  block.waited_for = false;
}

void LinkEngine::on_touch(std::uint32_t index, Nanoseconds now) {
  Block& block = blocks_[index];
  Link& link = link_of(block);
  expire_arrival(block, now);
  // A fault on an open block comes from a thread that touched it together with the one it was
  // opened for: the same pass.
  if (block.state != State::kOpen) ++block.passes;
  if (block.undelivered > kMostTries) return leave_to_kernel(index, now);
  switch (block.state) {
    case State::kClosed:
      if (still_cached(block, now)) {
        if (block.stay_shift < kMostStay) ++block.stay_shift;
        ++link.statistics.cached_touches;
        link.statistics.wait_ns += 2 * lead_.value;
        open_block(index, now, now + Nanoseconds(kOpenTime.value << block.stay_shift));
        return;
      }
      block.stay_shift = 0;
      wait_for(block, now);
      if (link.clock.request(index, Urgency::kDemand, now)) {
        block.state = State::kMoving;
        ++link.statistics.demand_waits;
      } else {  // more waiting threads than the queue holds: let this one through
        open_block(index, now, now + kOpenTime);
      }
      break;
    case State::kMoving:
      wait_for(block, now);
      ++link.statistics.demand_waits;
      link.clock.raise(index, now);
      break;
    case State::kArrived:
    case State::kOpen:
      link.statistics.wait_ns += 2 * lead_.value;
      open_block(index, now, now + kOpenTime);
      break;
  }
  request_ahead(link, index, now);
}

bool LinkEngine::still_cached(const Block& block, Nanoseconds now) const {
  return block.closed_ns != 0 && now - Nanoseconds(block.closed_ns) < kCachedWithin;
}

void LinkEngine::expire_arrival(Block& block, Nanoseconds now) const {
  if (block.state != State::kArrived) return;
  if (now - Nanoseconds(block.arrived_ns) > kArrivalKept) block.state = State::kClosed;
}

void LinkEngine::request_ahead(Link& link, std::uint32_t index, Nanoseconds now) {
  Ahead ahead[ReadAhead::kMaxWindow];
  const std::uint32_t count =
      link.read_ahead.touched(index, now, BlockOrder{&next_on_link, this}, ahead);
  for (std::uint32_t i = 0; i < count; ++i) {
    Block& block = blocks_[ahead[i].block];
    expire_arrival(block, now);
    if (block.state != State::kClosed) continue;
    if (!link.clock.request(ahead[i].block, Urgency::kAhead, now)) return;
    block.state = State::kMoving;
    block.marker = ahead[i].marker || exactness_ == Exactness::kRecord;
    ++link.statistics.ahead_blocks;
  }
}

std::uint32_t LinkEngine::next_on_link(const void* self, std::uint32_t index) {
  // Stripes repeat within a few blocks; a gap longer than this ends the stream.
  constexpr std::uint32_t kLongestGap = 64;
  const auto* engine = static_cast<const LinkEngine*>(self);
  const Block& from = engine->blocks_[index];
  for (std::uint32_t next = index + 1; next <= index + kLongestGap; ++next) {
    if (next >= engine->arena_blocks_) return kNoBlock;
    const Block& block = engine->blocks_[next];
    if (block.link != from.link) continue;
    return block.fd == from.fd && block.file_start == from.file_start ? next : kNoBlock;
  }
  return kNoBlock;
}

void LinkEngine::on_arrival(Link& link, const Arrival& arrival, Nanoseconds now) {
  Block& block = blocks_[arrival.block];
  if (block.link == 0 || block.state != State::kMoving) return;
  link.statistics.delivered_bytes += kBlockBytes.value;
  if (block.waited_for) {
    link.statistics.wait_ns += (arrival.at - Nanoseconds(block.fault_ns)).value;
    open_block(arrival.block, now, now + kOpenTime);
  } else if (block.marker) {
    block.state = State::kArrived;
    block.arrived_ns = now.value;
  } else {
    // The stream gets here some blocks later; it must find the block open.
    Nanoseconds pace = link.read_ahead.pace_of(arrival.block);
    if (pace.value == 0) pace = kUnknownPace;
    Nanoseconds stay(kOpenTime.value + std::uint64_t{2} * ReadAhead::kMaxWindow * pace.value);
    if (stay > kLongestOpen) stay = kLongestOpen;
    open_block(arrival.block, now, now + stay);
  }
}

void LinkEngine::open_block(std::uint32_t index, Nanoseconds now, Nanoseconds close_at) {
  Block& block = blocks_[index];
  const int error = faults_.deliver(address_of(index), kBlockBytes);
  if (error != 0) {
    // No page yet (read ahead of the first touch), or mapped by another way: whoever waits looks
    // again and faults anew if need be.
    faults_.wake(address_of(index), kBlockBytes);
  }
  if (error == 0 || error == EEXIST) {
    block.undelivered = 0;
  } else if (block.undelivered <= kMostTries) {
    ++block.undelivered;
  }
  end_wait(block);
  if (block.state == State::kOpen) return;
  block.state = State::kOpen;
  if (opened_.full()) {
    close_block(opened_.front().block, now);
    opened_.pop();
  }
  opened_.push({index, close_at > now ? close_at : now});
}

void LinkEngine::close_due(Nanoseconds now) {
  for (std::uint32_t i = 0; i < opened_.size();) {
    if (opened_[i].close_at > now) {
      ++i;
      continue;
    }
    close_block(opened_[i].block, now);
    opened_.erase(i);
  }
}

void LinkEngine::close_block(std::uint32_t index, Nanoseconds now) {
  os::drop_pages(address_of(index), kBlockBytes);
  blocks_[index].closed_ns = now.value;
  blocks_[index].state = State::kClosed;
}

}  // namespace terrace::backing
