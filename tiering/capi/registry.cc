// SPDX-License-Identifier: Apache-2.0
#include "tiering/capi/registry.h"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <mutex>

#include "allocators/os/memory_error.h"
#include "tiering/capi/context.h"

namespace terrace::capi {
namespace {

constexpr std::uint32_t kMostOpen = 64;
constexpr std::uint32_t kMostRounds = 1023;
constexpr std::uint32_t kStripes = 16;

/// The calls of some of the threads: no line of memory that all of them write to.
struct alignas(64) Stripe {
  std::atomic<std::uint64_t> calls{0};
};

/// The entry of numbers n with n % kMostOpen equal to its place.
struct Entry {
  Stripe in[kStripes];  ///< calls that are in
  std::atomic<bool> closed{false};
  std::atomic<std::uint32_t> number{0};  ///< 0: free
  Context* context = nullptr;
  std::uint32_t round = 0;
};

Entry entries[kMostOpen];
/// Of those who open, close and end, and of forks: so that a child finds every context between two
/// changes.
std::mutex opening;

Entry& entry_of(std::uint32_t number) {
  return entries[number % kMostOpen];
}

std::uint32_t stripe_of_this_thread() {
  static std::atomic<std::uint32_t> threads{0};
  thread_local const std::uint32_t stripe =
      threads.fetch_add(1, std::memory_order_relaxed) % kStripes;
  return stripe;
}

/// Each stripe looked at once will do when it is closed: who is in has counted itself before, and
/// who comes later leaves again without a look at the context.
bool is_empty(const Entry& entry) {
  return std::ranges::all_of(entry.in, [](const Stripe& stripe) { return stripe.calls == 0; });
}

/// Ends a closed context, unless calls are in it, or somebody else does.
void end_if_empty(Entry& entry) {
  const Context* ended = nullptr;
  {
    const std::lock_guard lock(opening);
    if (!entry.closed || entry.number == 0 || !is_empty(entry)) return;
    entry.number = 0;
    ended = entry.context;
  }
  delete ended;
  const std::lock_guard lock(opening);
  entry.context = nullptr;
  entry.closed = false;
}

/// Whoever leaves a closed context last ends it. Sequentially consistent, as entering and closing:
/// of the last two that leave, one sees that both have.
void leave(Entry& entry, std::uint32_t stripe) {
  entry.in[stripe].calls.fetch_sub(1);
  if (entry.closed.load() && is_empty(entry)) end_if_empty(entry);
}

template <typename Body>
void for_each_open(Body body) {
  for (Entry& entry : entries) {
    if (entry.number.load() != 0 && !entry.closed.load()) body(entry);
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
    entry.closed.store(false);
    for (Stripe& stripe : entry.in) stripe.calls.store(0);
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
  stripe_ = stripe_of_this_thread();
  entry.in[stripe_].calls.fetch_add(1);
  if (!entry.closed.load() && entry.number.load() == number_) {
    context_ = entry.context;
  } else {
    leave(entry, stripe_);
  }
}

Entered::~Entered() {
  if (context_ != nullptr) leave(entry_of(number_), stripe_);
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
  return !entry_of(number).closed.exchange(true);
}

}  // namespace terrace::capi
