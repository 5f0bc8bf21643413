// SPDX-License-Identifier: Apache-2.0
// First file on the walk of docs/life-of-a-move.md: orders, their batches, and who runs them when.
#include "tiering/migrate/mover.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "allocators/os/files.h"
#include "tiering/migrate/kernel.h"
#include "tiering/migrate/move_plan.h"
#include "tiering/migrate/node_choice.h"
#include "tiering/migrate/page_batch.h"
#include "tiering/migrate/rate_limit.h"
#include "tiering/migrate/remap_batch.h"
#include "tiering/migrate/thread_team.h"

namespace terrace::migrate {
namespace {

constexpr int kMostThreads = 256;

Status check(const MoverOptions& options) {
  if (options.threads < 1 || options.threads > kMostThreads) {
    return make_error(ErrorCode::kUsage, 0, "mover: %d threads; 1 to %d are possible",
                      options.threads, kMostThreads);
  }
  if (options.batch.value == 0 || options.batch.value % kBlockBytes.value != 0) {
    return make_error(ErrorCode::kUsage, 0, "mover: a batch of %llu bytes; give a multiple of 2M",
                      static_cast<unsigned long long>(options.batch.value));
  }
  return ok_status();
}

}  // namespace

/// One thread of its own leads (`lead`): it takes order after order and waits, for work, for
/// resume(), for the limit. Whenever batches may begin up to `threads` take them one by
/// one; nobody sleeps there, since those threads are oneTBB's and so the whole program's.
class Mover::Work {
 public:
  Work(const MoverOptions& options, Kernel kernel)
      : options_(options), kernel_(std::move(kernel)), remapper_(kernel_), team_(options.threads) {
    limit_.set(options.bytes_per_second, kernel_.now());
    leader_ = std::thread([this] { lead(); });
  }

  ~Work() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
      for (auto& [ticket, job] : jobs_) job.cancelled = true;
      changed_.notify_all();
    }
    leader_.join();
  }

  Work(const Work&) = delete;
  Work& operator=(const Work&) = delete;

  Ticket submit(const MoveOrder& order) {
    const std::lock_guard lock(mutex_);
    const Ticket ticket = ++last_ticket_;
    Job& job = jobs_[ticket];
    job.order = order;
    if (order.pid == os::process_id()) job.order.pid = 0;
    queue_.push_back(ticket);
    changed_.notify_all();
    return ticket;
  }

  MoveReport wait(Ticket ticket) {
    std::unique_lock lock(mutex_);
    const auto found = jobs_.find(ticket);
    if (found == jobs_.end()) {
      MoveReport unknown;
      unknown.refused = "no such ticket: each can be waited for once";
      return unknown;
    }
    ended_.wait(lock, [&] { return found->second.ended; });
    MoveReport report = std::move(found->second.report);
    jobs_.erase(found);
    return report;
  }

  void cancel(Ticket ticket) {
    const std::lock_guard lock(mutex_);
    const auto found = jobs_.find(ticket);
    if (found != jobs_.end()) found->second.cancelled = true;
    changed_.notify_all();
  }

  void pause() {
    const std::lock_guard lock(mutex_);
    if (!paused_since_) paused_since_ = kernel_.now();
  }

  void resume() {
    const std::lock_guard lock(mutex_);
    paused_before_ = paused_until_now();
    paused_since_.reset();
    changed_.notify_all();
  }

  void set_limit(Bytes bytes_per_second) {
    const std::lock_guard lock(mutex_);
    limit_.set(bytes_per_second, kernel_.now());
    changed_.notify_all();
  }

  void pin(const void* at, Bytes size, std::string why) {
    const auto begin = reinterpret_cast<std::uintptr_t>(at);
    const std::lock_guard lock(mutex_);
    pins_.push_back({begin, begin + size.value, std::move(why)});
  }

  void unpin(const void* at) {
    const auto begin = reinterpret_cast<std::uintptr_t>(at);
    const std::lock_guard lock(mutex_);
    std::erase_if(pins_, [&](const Pin& pin) { return pin.begin == begin; });
  }

 private:
  struct Job {
    MoveOrder order;
    MovePlan plan;
    std::size_t next = 0;  ///< batch
    BatchResult sum;
    int policy_errno = 0;
    bool cancelled = false;
    bool ended = false;
    MoveReport report;
  };

  void lead();
  void run(Job& job, std::unique_lock<std::mutex>& lock);
  void run_batches(Job& job, std::unique_lock<std::mutex>& lock);
  void drain(Job& job);
  std::optional<Batch> take_batch(Job& job);
  void run_batch(Job& job, const Batch& batch);
  BatchResult move(const Job& job, const Batch& batch);
  int set_policy(const Job& job, const Batch& batch) const;
  void end(Job& job, Nanoseconds elapsed);

  static bool has_more(const Job& job) {
    return !job.cancelled && job.next < job.plan.batches.size();
  }
  Nanoseconds paused_until_now() const {
    return paused_since_ ? paused_before_ + (kernel_.now() - *paused_since_) : paused_before_;
  }

  const MoverOptions options_;
  const Kernel kernel_;
  Remapper remapper_;
  ThreadTeam team_;
  std::mutex mutex_;
  std::condition_variable changed_;  ///< the leader's
  std::condition_variable ended_;    ///< of who waits for an order
  std::map<Ticket, Job> jobs_;       ///< until they were waited for
  std::deque<Ticket> queue_;
  std::vector<Pin> pins_;
  RateLimit limit_;
  Ticket last_ticket_ = 0;
  bool stopping_ = false;
  std::optional<Nanoseconds> paused_since_;
  Nanoseconds paused_before_;
  std::thread leader_;
};

void Mover::Work::lead() {
  std::unique_lock lock(mutex_);
  while (!stopping_ || !queue_.empty()) {
    if (queue_.empty()) {
      kernel_.wait(changed_, lock, std::nullopt);
      continue;
    }
    Job& job = jobs_.at(queue_.front());
    queue_.pop_front();
    run(job, lock);
  }
}

/// The lock is open while the range is examined: that reads files.
void Mover::Work::run(Job& job, std::unique_lock<std::mutex>& lock) {
  const std::vector<Pin> pins = pins_;
  lock.unlock();
  MovePlan plan = plan_move(kernel_, remapper_, job.order, options_.batch, pins);
  lock.lock();
  job.plan = std::move(plan);
  const Nanoseconds begun = kernel_.now();
  const Nanoseconds paused = paused_until_now();
  run_batches(job, lock);
  end(job, (kernel_.now() - begun) - (paused_until_now() - paused));
  ended_.notify_all();
}

void Mover::Work::run_batches(Job& job, std::unique_lock<std::mutex>& lock) {
  while (has_more(job)) {
    const Nanoseconds now = kernel_.now();
    const Nanoseconds ready = limit_.ready_at(now);
    if (paused_since_) {
      kernel_.wait(changed_, lock, std::nullopt);
    } else if (ready > now) {
      kernel_.wait(changed_, lock, ready);
    } else {
      lock.unlock();
      team_.run([&] { drain(job); });
      lock.lock();
    }
  }
}

void Mover::Work::drain(Job& job) {
  while (const auto batch = take_batch(job)) run_batch(job, *batch);
}

std::optional<Batch> Mover::Work::take_batch(Job& job) {
  const std::lock_guard lock(mutex_);
  const Nanoseconds now = kernel_.now();
  if (!has_more(job) || paused_since_ || limit_.ready_at(now) > now) return std::nullopt;
  const Batch batch = job.plan.batches[job.next++];
  limit_.charge(batch.range.size(), now);
  return batch;
}

int Mover::Work::set_policy(const Job& job, const Batch& batch) const {
  const bool follows = options_.policy == Policy::kFollow && job.order.pid == 0;
  if (!follows || batch.way != Way::kPages) return 0;
  return kernel_.prefer(reinterpret_cast<void*>(batch.range.begin), batch.range.size(),
                        mask_of(job.order.to->nodes));
}

BatchResult Mover::Work::move(const Job& job, const Batch& batch) {
  const std::vector<NodeId>& nodes = job.order.to->nodes;
  BatchResult stays;
  switch (batch.way) {
    case Way::kPages:
      return move_pages_of(kernel_, job.order.pid, batch.range, nodes);
    case Way::kToPool:
      return remapper_.to_pool(batch.range, *job.plan.pool);
    case Way::kToMemory:
      return remapper_.to_memory(batch.range, batch.from, nodes);
    case Way::kThrough:
      return remapper_.to_other_pool(batch.range, batch.from, *job.plan.pool);
    case Way::kStay:
      stays.add(Outcome::kAlreadyThere, batch.range.size());
  }
  return stays;
}

/// The policy comes first: pages that the program touches meanwhile are then on the tier already.
void Mover::Work::run_batch(Job& job, const Batch& batch) {
  const int policy_errno = set_policy(job, batch);
  const BatchResult result = move(job, batch);
  const std::lock_guard lock(mutex_);
  limit_.refund(batch.range.size() - result.of(Outcome::kMoved), kernel_.now());
  for (std::size_t i = 0; i < result.bytes.size(); ++i) job.sum.bytes[i] += result.bytes[i];
  if (result.other_errno != 0) job.sum.other_errno = result.other_errno;
  job.sum.longest_hold = std::max(job.sum.longest_hold, result.longest_hold);
  if (policy_errno != 0) job.policy_errno = policy_errno;
}

void Mover::Work::end(Job& job, Nanoseconds elapsed) {
  job.sum.add(Outcome::kNotMapped, job.plan.not_mapped);
  for (; job.next < job.plan.batches.size(); ++job.next) {
    job.sum.add(Outcome::kCancelled, job.plan.batches[job.next].range.size());
  }
  MoveReport& report = job.report;
  report.page_size = job.plan.unit;
  for (std::size_t i = 0; i < report.pages.size(); ++i) {
    report.pages[i] = job.sum.bytes[i] / report.page_size.value;
  }
  report.moved = job.sum.of(Outcome::kMoved);
  report.refused = job.plan.refused;
  report.other_errno = job.sum.other_errno;
  report.policy_errno = job.policy_errno;
  report.longest_hold = job.sum.longest_hold;
  report.elapsed = elapsed;
  job.ended = true;
}

Result<std::unique_ptr<Mover>> Mover::create(const MoverOptions& options) {
  return create(options, real_kernel());
}

Result<std::unique_ptr<Mover>> Mover::create(const MoverOptions& options, Kernel kernel) {
  const Status checked = check(options);
  if (!checked) return checked.error();
  return std::unique_ptr<Mover>(new Mover(std::make_unique<Work>(options, std::move(kernel))));
}

Mover::Mover(std::unique_ptr<Work> work) : work_(std::move(work)) {}
Mover::~Mover() = default;

Mover::Ticket Mover::submit(const MoveOrder& order) {
  return work_->submit(order);
}
MoveReport Mover::wait(Ticket ticket) {
  return work_->wait(ticket);
}
void Mover::cancel(Ticket ticket) {
  work_->cancel(ticket);
}
void Mover::pause() {
  work_->pause();
}
void Mover::resume() {
  work_->resume();
}
void Mover::set_limit(Bytes bytes_per_second) {
  work_->set_limit(bytes_per_second);
}
void Mover::pin(const void* at, Bytes size, std::string why) {
  work_->pin(at, size, std::move(why));
}
void Mover::unpin(const void* at) {
  work_->unpin(at);
}

}  // namespace terrace::migrate
