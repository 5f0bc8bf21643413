// SPDX-License-Identifier: Apache-2.0
// Runs one piece of work on several threads at once. thread_team_tbb.cc has them from oneTBB and is
// what ships; thread_team_plain.cc starts plain threads and is what the thread sanitizer's build
// takes: oneTBB is not instrumented, so the sanitizer sees none of the order that its hand-over
// makes, and a list of exceptions would hide our own races with it. One caller; allocates.
#pragma once

#include <functional>
#include <memory>

namespace terrace::migrate {

class ThreadTeam {
 public:
  /// As many as asked for, and no more than the machine runs at once.
  explicit ThreadTeam(int threads);
  ~ThreadTeam();
  ThreadTeam(const ThreadTeam&) = delete;
  ThreadTeam& operator=(const ThreadTeam&) = delete;

  /// Calls `work` once on each thread, on the caller's too; returns when all calls did. Threads
  /// that are busy elsewhere may come late or not at all, then another makes their call.
  void run(const std::function<void()>& work);

 private:
  struct Threads;
  std::unique_ptr<Threads> threads_;
};

}  // namespace terrace::migrate
