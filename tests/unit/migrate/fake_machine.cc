// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/migrate/fake_machine.h"

#include <algorithm>
#include <cerrno>

namespace terrace::migrate {
namespace {

std::uintptr_t number(const void* at) {
  return reinterpret_cast<std::uintptr_t>(at);
}

}  // namespace

Kernel FakeMachine::kernel() {
  Kernel made;
  made.query = [this](int, const void* const* pages, std::uint32_t count, int* status) {
    return query(pages, count, status);
  };
  made.move = [this](int, const void* const* pages, std::uint32_t count, const int* nodes,
                     int* status) { return move(pages, count, nodes, status); };
  made.huge_blocks = [this](int, const void* at, std::uint32_t blocks, std::uint64_t* bitmap) {
    return huge_blocks(at, blocks, bitmap);
  };
  made.prefer = [this](void* at, Bytes size, const os::NodeMask& nodes) {
    const std::lock_guard lock(mutex_);
    preferred.push_back({number(at), size, nodes.words[0]});
    return prefer_error();
  };
  made.examine = [this](int, std::uintptr_t begin, std::uintptr_t end) {
    return examine(begin, end);
  };
  made.free_memory = [this](NodeId node) { return free_[raw(node)]; };
  made.distance = [this](NodeId from, NodeId to) {
    const auto found = distances_.find({raw(from), raw(to)});
    return found == distances_.end() ? 20 : found->second;
  };
  made.now = [this] { return now(); };
  made.wait = [this](std::condition_variable& changed, std::unique_lock<std::mutex>& lock,
                     std::optional<Nanoseconds> until) {
    if (!until) {
      changed.wait(lock);
    } else if (*until > now()) {
      advance(*until - now());
    }
  };
  return made;
}

void FakeMachine::map(std::uintptr_t at, Bytes size, int node) {
  os::MappingFacts facts;
  facts.begin = at;
  facts.end = at + size.value;
  mappings_.push_back(facts);
  for (std::uint64_t offset = 0; offset < size.value; offset += kPage) {
    pages_[at + offset].node = node;
  }
}

std::uint64_t FakeMachine::pages_on(int node) const {
  const std::lock_guard lock(mutex_);
  return static_cast<std::uint64_t>(std::count_if(
      pages_.begin(), pages_.end(), [&](const auto& entry) { return entry.second.node == node; }));
}

Nanoseconds FakeMachine::now() const {
  const std::lock_guard lock(mutex_);
  return now_;
}

void FakeMachine::advance(Nanoseconds span) {
  const std::lock_guard lock(mutex_);
  now_ = now_ + span;
}

int FakeMachine::query(const void* const* pages, std::uint32_t count, int* status) {
  const std::lock_guard lock(mutex_);
  if (const int error = query_error(); error != 0) return error;
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto found = pages_.find(number(pages[i]));
    status[i] = found == pages_.end() ? -EFAULT : found->second.node;
  }
  return 0;
}

std::uintptr_t FakeMachine::head_of(std::uintptr_t at) const {
  const std::uintptr_t block = at & ~(kBlockBytes.value - 1);
  return huge_.count(block) != 0 ? block : at;
}

/// As add_page_for_migration: 1 queued, 0 there already, or a negative errno.
int FakeMachine::isolate(std::uintptr_t at, int node) {
  const auto found = pages_.find(at);
  if (found == pages_.end()) return -EFAULT;
  const State& state = found->second;
  if (state.node < 0) return state.node;
  if (state.node == node) return 0;
  if (state.refuses_with != 0) return -state.refuses_with;
  if (!isolated_.insert(head_of(at)).second) return -EBUSY;
  run_.push_back(head_of(at));
  return 1;
}

/// 0, 1 for a page that stays behind, or -ENOMEM.
int FakeMachine::migrate(std::uintptr_t at, int node) {
  const std::uint64_t small = huge_.count(at) != 0 ? kBlockBytes.value / kPage : 1;
  State& head = pages_.at(at);
  if (!head.moves) return 1;
  if (head.busy_for > 0) {
    --head.busy_for;
    return 1;
  }
  const auto room = room_.find(node);
  if (room != room_.end() && room->second < small) {
    if (small == 1) return -ENOMEM;
    huge_.erase(at);  // the kernel splits it and moves what fits
    for (std::uint64_t i = 0; i < small; ++i) {
      if (migrate(at + i * kPage, node) != 0) return -ENOMEM;
    }
    return 0;
  }
  if (room != room_.end()) room->second -= small;
  for (std::uint64_t i = 0; i < small; ++i) pages_.at(at + i * kPage).node = node;
  return 0;
}

/// As migrate_pages: the number that stayed behind, or -ENOMEM at once.
int FakeMachine::migrate_run(int node) {
  int stayed = 0;
  for (const std::uintptr_t at : run_) {
    const int error = migrate(at, node);
    if (error < 0) stayed = error;
    if (error < 0) break;
    stayed += error;
  }
  run_.clear();
  isolated_.clear();
  return stayed;
}

os::MoveCall FakeMachine::move(const void* const* pages, std::uint32_t count, const int* nodes,
                               int* status) {
  std::unique_lock lock(mutex_);
  calls.push_back(count);
  const auto call_number = static_cast<int>(calls.size());
  lock.unlock();
  if (on_move) on_move(call_number);
  lock.lock();
  std::fill(status, status + count, os::kNothingSaid);
  if (const int error = move_error(); error != 0) return {error, count};
  std::uint32_t start = 0;
  for (std::uint32_t i = 0; i <= count; ++i) {
    const bool last = i == count;
    const int queued = last ? 0 : isolate(number(pages[i]), nodes[i]);
    if (queued > 0) continue;
    if (!last) status[i] = queued < 0 ? queued : nodes[i];
    const bool had_run = !run_.empty();
    const int stayed = migrate_run(nodes[0]);
    if (stayed < 0) return {-stayed, count};
    if (stayed > 0) return {0, static_cast<std::uint32_t>(stayed) + count - i - (last ? 0u : 1u)};
    if (had_run) std::fill(status + start, status + i, nodes[0]);
    start = i + 1;
  }
  return {};
}

int FakeMachine::huge_blocks(const void* at, std::uint32_t blocks, std::uint64_t* bitmap) {
  const std::lock_guard lock(mutex_);
  if (huge_error != 0) return huge_error;
  for (std::uint32_t i = 0; i < blocks; ++i) {
    const bool is_huge = huge_.count(number(at) + (std::uintptr_t{i} << kBlockShift)) != 0;
    if (is_huge) bitmap[i / 64] |= std::uint64_t{1} << (i % 64);
  }
  return 0;
}

Result<RangeFacts> FakeMachine::examine(std::uintptr_t begin, std::uintptr_t end) {
  RangeFacts facts;
  for (const os::MappingFacts& mapping : mappings_) {
    if (mapping.begin < end && begin < mapping.end) facts.mappings.push_back(mapping);
  }
  facts.pinned_for_dma = pinned_for_dma;
  return facts;
}

}  // namespace terrace::migrate
