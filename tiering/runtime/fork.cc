// SPDX-License-Identifier: Apache-2.0
// fork: what lies in shared memory becomes private before it (docs/adr/0009-fork.md), and the child
// begins without the parent's threads.
#include "allocators/os/console.h"
#include "tiering/runtime/lifecycle.h"
#include "tiering/runtime/state.h"

namespace terrace::runtime {
namespace {

/// `promised`: blocks that copies of earlier objects may still need.
void make_private(State& runtime, extent::Object& object, std::uint64_t& promised) {
  const TierCounts before = count_tiers(runtime, object);
  const int error = runtime.exchange.freeze(runtime.extents, object, promised);
  settle_capacity(runtime, object, before);
  if (runtime.extents.any_shared(object)) promised += extent::Exchange::copies_of(object);
  if (error != 0) {
    os::message("fork: an object of %llu bytes stays shared with the child (errno %d)",
                static_cast<unsigned long long>(object.size_bytes), error);
  } else if (runtime.counters.frozen_by_fork.fetch_add(1) == 0 && runtime.link_count != 0) {
    os::message(
        "fork: objects on emulated or observed tiers become private memory; from here "
        "on their figures are not those of the tiers");
  }
}

}  // namespace

void before_fork() {
  State& runtime = state();
  runtime.lock.lock();
  if (runtime.stage.load() != Stage::kRunning) return;
  runtime.recorder.drop_window(runtime);
  std::uint64_t promised = 0;
  for (std::uint32_t i = 0; i < runtime.arena.object_slots(); ++i) {
    const extent::Object& object = runtime.arena.slot(i);
    if (object.pages == extent::Pages::kFrozen) promised += extent::Exchange::copies_of(object);
  }
  for (std::uint32_t i = 0; i < runtime.arena.object_slots(); ++i) {
    extent::Object& object = runtime.arena.slot(i);
    if (object.pages != extent::Pages::kPlaced || !object.shared) continue;
    // Reads past the page cache are under way to its pages, which a copy would miss. The child ends
    // it, so that nothing of it is shared.
    if (object.filling) continue;
    make_private(runtime, object, promised);
  }
  runtime.links.lock_for_fork();
}

void after_fork_in_parent() {
  State& runtime = state();
  if (runtime.stage.load() == Stage::kRunning) runtime.links.unlock_after_fork();
  runtime.lock.unlock();
}

void after_fork_in_child() {
  State& runtime = state();
  runtime.lock.reset_in_child();
  os::watch_in_child();
  if (runtime.stage.load() == Stage::kReady && runtime.flat.has(kFlagRecord)) {
    // The parent's sampled events do not follow the child.
    runtime.recorder.before_threads(runtime);
  }
  if (runtime.stage.load() != Stage::kRunning) return;
  const bool degraded = runtime.link_count != 0 || runtime.flat.has(kFlagRecord);
  runtime.status.abandon_in_child();
  runtime.forked = true;
  runtime.background_started =
      true;  // the parent's thread is not here, and a fork's child gets none
  runtime.recorder.abandon_in_child();
  runtime.links.abandon_in_child();
  runtime.extents.pools().abandon_in_child();
  runtime.exchange.close();
  end_unfinished_files(runtime);
  if (!degraded) return;
  stop_placing(runtime);
  runtime.stage.store(Stage::kDegraded);
}

}  // namespace terrace::runtime
