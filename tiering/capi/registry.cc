// SPDX-License-Identifier: Apache-2.0
#include "tiering/capi/registry.h"

#include <pthread.h>

#include <atomic>
#include <mutex>

#include "allocators/os/memory_error.h"
#include "tiering/capi/context.h"

namespace terrace::capi {
namespace {

constexpr std::uint32_t kMostOpen = 64;
constexpr std::uint32_t kMostRounds = 1023;
constexpr std::uint64_t kClosed = std::uint64_t{1} << 63;

/// The entry of numbers n with n % kMostOpen equal to its place.
struct Entry {
  std::atomic<std::uint64_t> uses{0};    ///< calls that are in, and kClosed
  std::atomic<std::uint32_t> number{0};  ///< 0: free
  Context* context = nullptr;
  std::uint32_t round = 0;
};

Entry entries[kMostOpen];
/// Of those who open, and of forks: so that a child finds every context between two changes.
std::mutex opening;

Entry& entry_of(std::uint32_t number) {
  return entries[number % kMostOpen];
}

/// Whoever leaves a closed context last ends it; a late comer may find it empty once more.
void leave(Entry& entry) {
  if (entry.uses.fetch_sub(1, std::memory_order_acq_rel) != (kClosed | 1)) return;
  if (entry.number.exchange(0) == 0) return;
  delete entry.context;
  const std::lock_guard lock(opening);
  entry.context = nullptr;
  entry.uses.fetch_and(~kClosed);
}

template <typename Body>
void for_each_open(Body body) {
  for (Entry& entry : entries) {
    if (entry.number.load() != 0 && (entry.uses.load() & kClosed) == 0) body(entry);
  }
}

/// Nothing is half moved while the process forks.
void before_fork() {
  opening.lock();
  for_each_open([](Entry& entry) { entry.context->lock_for_fork(); });
}
void after_fork_in_parent() {
  for_each_open([](Entry& entry) { entry.context->unlock_after_fork(); });
  opening.unlock();
}
/// The contexts' threads are the parent's: their memory stays mapped, and nobody enters them.
void after_fork_in_child() {
  os::watch_in_child();
  for (Entry& entry : entries) {
    if (entry.context != nullptr) entry.context->end_in_child();
    entry.number.store(0);
    entry.uses.store(0);
    entry.context = nullptr;
  }
  opening.unlock();
}

void watch_forks() {
  static const int registered =
      pthread_atfork(&before_fork, &after_fork_in_parent, &after_fork_in_child);
  (void)registered;  // without it a child's calls go to contexts that have no threads
}

}  // namespace

Entered::Entered(std::uint64_t handle, HandleKind kind) : number_(parts_of(handle).context) {
  if (!is_of_kind(handle, kind) || number_ == 0) return;
  Entry& entry = entry_of(number_);
  const std::uint64_t before = entry.uses.fetch_add(1, std::memory_order_acq_rel);
  if ((before & kClosed) == 0 && entry.number.load(std::memory_order_acquire) == number_) {
    context_ = entry.context;
  } else {
    leave(entry);
  }
}

Entered::~Entered() {
  if (context_ != nullptr) leave(entry_of(number_));
}

std::uint32_t Registry::add(std::unique_ptr<Context> (*make)(std::uint32_t, void*),
                            void* argument) {
  watch_forks();
  const std::lock_guard lock(opening);
  for (std::uint32_t i = 0; i < kMostOpen; ++i) {
    Entry& entry = entries[i];
    if (entry.number.load() != 0 || entry.context != nullptr) continue;
    entry.round = entry.round % kMostRounds + 1;
    const std::uint32_t number = entry.round * kMostOpen + i;
    std::unique_ptr<Context> context = make(number, argument);
    if (context == nullptr) return 0;
    entry.context = context.release();
    entry.number.store(number, std::memory_order_release);
    return number;
  }
  (void)fail(TERRACE_NO_MEMORY, "%u contexts are open; close one", kMostOpen);
  return 0;
}

bool Registry::close(std::uint32_t number) {
  const std::lock_guard lock(opening);
  return (entry_of(number).uses.fetch_or(kClosed) & kClosed) == 0;
}

}  // namespace terrace::capi
