// SPDX-License-Identifier: Apache-2.0
#include "allocators/backing/link_clock.h"

namespace terrace::backing {

void LinkClock::configure(Nanoseconds transfer, Nanoseconds latency) {
  transfer_ns_ = transfer.value;
  latency_ns_ = latency.value;
}

bool LinkClock::request(std::uint32_t block, Urgency urgency, Nanoseconds now) {
  advance(now);
  auto& queue = urgency == Urgency::kDemand ? demand_ : ahead_;
  if (!queue.push({block, transfer_ns_, urgency})) return false;
  if (urgency == Urgency::kDemand) interrupt_read_ahead(time_);
  if (!busy_) start_next(time_);
  return true;
}

void LinkClock::raise(std::uint32_t block, Nanoseconds now) {
  advance(now);
  if (busy_ && moving_.block == block) {
    moving_.urgency = Urgency::kDemand;
    return;
  }
  for (std::uint32_t i = 0; i < ahead_.size(); ++i) {
    if (ahead_[i].block != block) continue;
    Transfer transfer = ahead_[i];
    if (demand_.full()) return;
    ahead_.erase(i);
    transfer.urgency = Urgency::kDemand;
    demand_.push(transfer);
    interrupt_read_ahead(time_);
    if (!busy_) start_next(time_);
    return;
  }
}

void LinkClock::cancel(std::uint32_t block, Nanoseconds now) {
  advance(now);
  Ring<Transfer, kQueue>* const queues[] = {&demand_, &ahead_};
  for (auto* queue : queues) {
    for (std::uint32_t i = 0; i < queue->size(); ++i) {
      if ((*queue)[i].block == block) {
        queue->erase(i);
        return;
      }
    }
  }
  for (std::uint32_t i = 0; i < arrived_.size(); ++i) {
    if (arrived_[i].block == block) {
      arrived_.erase(i);
      return;
    }
  }
  if (busy_ && moving_.block == block) {
    busy_ = false;
    start_next(time_);
  }
}

bool LinkClock::take_arrival(Nanoseconds now, Arrival& arrival) {
  advance(now);
  if (arrived_.empty() || arrived_.front().at > now) return false;
  arrival = arrived_.front();
  arrived_.pop();
  return true;
}

Nanoseconds LinkClock::next_arrival() const {
  if (!arrived_.empty()) {
    return const_cast<LinkClock*>(this)->arrived_.front().at;
  }
  if (!busy_) return kNever;
  return Nanoseconds(moving_since_.value + moving_.left_ns + latency_ns_);
}

void LinkClock::advance(Nanoseconds now) {
  while (busy_ && moving_since_.value + moving_.left_ns <= now.value && !arrived_.full()) {
    const Nanoseconds end(moving_since_.value + moving_.left_ns);
    arrived_.push({moving_.block, Nanoseconds(end.value + latency_ns_)});
    busy_ = false;
    if (end > time_) time_ = end;
    start_next(end);
  }
  if (now > time_) time_ = now;
}

void LinkClock::start_next(Nanoseconds at) {
  auto& queue = demand_.empty() ? ahead_ : demand_;
  if (queue.empty()) return;
  moving_ = queue.front();
  queue.pop();
  moving_since_ = at;
  busy_ = true;
}

void LinkClock::interrupt_read_ahead(Nanoseconds now) {
  if (!busy_ || moving_.urgency == Urgency::kDemand || demand_.empty() || ahead_.full()) return;
  const std::uint64_t sent = (now - moving_since_).value;
  Transfer rest = moving_;
  rest.left_ns = sent < rest.left_ns ? rest.left_ns - sent : 0;
  ahead_.push(rest);
  for (std::uint32_t i = ahead_.size() - 1; i > 0; --i) ahead_[i] = ahead_[i - 1];
  ahead_[0] = rest;
  busy_ = false;
  start_next(now);
}

}  // namespace terrace::backing
