// SPDX-License-Identifier: Apache-2.0
#include <tbb/info.h>
#include <tbb/parallel_for.h>
#include <tbb/partitioner.h>
#include <tbb/task_arena.h>

#include <algorithm>

#include "tiering/migrate/thread_team.h"

namespace terrace::migrate {

struct ThreadTeam::Threads {
  int count;
  tbb::task_arena arena;
};

// An arena that wants more threads than the machine has gets none of them and a warning.
ThreadTeam::ThreadTeam(int threads) {
  const int count = std::min(threads, tbb::info::default_concurrency());
  threads_ = std::make_unique<Threads>(count, tbb::task_arena(count));
}
ThreadTeam::~ThreadTeam() = default;

void ThreadTeam::run(const std::function<void()>& work) {
  threads_->arena.execute([&] {
    tbb::parallel_for(
        0, threads_->count, [&](int) { work(); }, tbb::simple_partitioner());
  });
}

}  // namespace terrace::migrate
