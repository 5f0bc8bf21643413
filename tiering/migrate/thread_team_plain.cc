// SPDX-License-Identifier: Apache-2.0
#include <thread>
#include <vector>

#include "tiering/migrate/thread_team.h"

namespace terrace::migrate {

struct ThreadTeam::Threads {
  int count;
};

ThreadTeam::ThreadTeam(int threads) : threads_(new Threads{threads}) {}
ThreadTeam::~ThreadTeam() = default;

void ThreadTeam::run(const std::function<void()>& work) {
  std::vector<std::thread> others;
  for (int i = 1; i < threads_->count; ++i) others.emplace_back(work);
  work();
  for (std::thread& other : others) other.join();
}

}  // namespace terrace::migrate
