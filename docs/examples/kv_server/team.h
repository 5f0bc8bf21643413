// SPDX-License-Identifier: Apache-2.0
// Threads that share out the items of one batch, and wait for the next. One thread calls run().
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace kv_server {

class Team {
 public:
  /// The caller of run() is one of them.
  explicit Team(std::size_t threads) {
    for (std::size_t i = 1; i < threads; ++i) helpers_.emplace_back([this] { help(); });
  }
  ~Team() {
    {
      const std::lock_guard lock(mutex_);
      ending_ = true;
    }
    begun_.notify_all();
    for (std::thread& helper : helpers_) helper.join();
  }
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;

  /// work(i) for each i below `count`, and returns when all are done. `work` does not throw.
  void run(std::size_t count, const std::function<void(std::size_t)>& work) {
    {
      const std::lock_guard lock(mutex_);
      work_ = &work;
      count_ = count;
      next_.store(0);
      busy_ = helpers_.size();
      ++round_;
    }
    begun_.notify_all();
    share(work);
    std::unique_lock lock(mutex_);
    done_.wait(lock, [&] { return busy_ == 0; });
  }

 private:
  void share(const std::function<void(std::size_t)>& work) {
    for (std::size_t i = next_.fetch_add(1); i < count_; i = next_.fetch_add(1)) work(i);
  }
  void help() {
    std::size_t seen = 0;
    std::unique_lock lock(mutex_);
    for (;;) {
      begun_.wait(lock, [&] { return ending_ || round_ != seen; });
      if (ending_) return;
      seen = round_;
      lock.unlock();
      share(*work_);
      lock.lock();
      if (--busy_ == 0) done_.notify_one();
    }
  }

  std::mutex mutex_;
  std::condition_variable begun_;
  std::condition_variable done_;
  const std::function<void(std::size_t)>* work_ = nullptr;
  std::size_t count_ = 0;
  std::atomic<std::size_t> next_{0};
  std::size_t busy_ = 0;
  std::size_t round_ = 0;
  bool ending_ = false;
  std::vector<std::thread> helpers_;
};

}  // namespace kv_server
